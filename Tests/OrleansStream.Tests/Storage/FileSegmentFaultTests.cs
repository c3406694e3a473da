using OrleansStream.Storage;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Tests.Storage;

/// <summary>What the file store does when the medium fails: nothing is reported that did not last, nothing refused shows up.</summary>
public sealed class FileSegmentFaultTests : FaultySegmentRig
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(FileCallKind.Sync, false)]
    [InlineData(FileCallKind.Write, false)]
    [InlineData(FileCallKind.Write, true)]
    public async Task Append_WhenTheMediumFails_IsBrokenAndStaysInvisible(FileCallKind kind, bool marker)
    {
        await NewAsync("abc");
        Files.OnCall = call => call.Kind == kind && call.IsMarker == marker ? new Fault(Fault.InputOutput, 1) : null;

        Assert.Equal(new AppendOutcome(AppendStatus.Broken, 3), await AppendAsync(3, "lost"));

        Files.OnCall = null;
        Files.Forget();
        Assert.Equal(AppendStatus.Broken, (await AppendAsync(3, "x")).Status);
        Assert.Equal(AppendStatus.Broken, (await Store.AppendAnywhereAsync(Name, "x"u8.ToArray(), Cancellation)).Status);
        await Store.SealAsync(Name, Cancellation);
        Assert.Equal(AppendStatus.Broken, (await AppendAsync(3, "x")).Status);
        Assert.Equal("abc", await TextAsync());
        Assert.DoesNotContain(Files.Calls, call => call.Kind == FileCallKind.Sync && !call.IsMarker);

        Reopen();
        Assert.Equal(new SegmentExtent(3, 3, Settled: true, Sealed: true, 1), await Store.GetExtentAsync(Name, Cancellation));
        Assert.Equal("abc", await TextAsync());
    }

    [Fact]
    public async Task Append_WhenTheMediumFailsAndTheProcessIsKilled_StaysInvisible()
    {
        await NewAsync("abc");
        Files.OnCall = call => call is { Kind: FileCallKind.Sync, IsMarker: false } ? new Fault(Fault.InputOutput) : null;
        Assert.Equal(AppendStatus.Broken, (await AppendAsync(3, "lost")).Status);

        Kill();

        Assert.Equal(new SegmentExtent(3, 3, Settled: true, Sealed: true, 1), await Store.GetExtentAsync(Name, Cancellation));
        Assert.Equal(AppendStatus.Sealed, (await AppendAsync(3, "x")).Status);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(4)]
    public async Task Append_WhenTheDiskIsFull_LeavesNothingAndGoesOnWhenThereIsRoom(int writtenLength)
    {
        await NewAsync("abc");
        Files.OnCall = call => call is { Kind: FileCallKind.Write, IsMarker: false } ? new Fault(Fault.NoSpace, writtenLength) : null;

        Assert.Equal(new AppendOutcome(AppendStatus.StoreFull, 3), await AppendAsync(3, "lost"));

        Files.OnCall = null;
        Assert.Equal("abc", File.ReadAllText(DataPath));
        Assert.Equal(new AppendOutcome(AppendStatus.Appended, 5), await AppendAsync(3, "de"));
        Assert.Equal("abcde", await TextAsync());
    }

    [Fact]
    public async Task Append_WhenTheZerosAheadFindNoRoom_LeavesNothingThatAKillBringsBack()
    {
        await NewAsync();
        Files.OnCall = call => call is { Kind: FileCallKind.Write, Length: >= FileStoreLimits.GrowthBytesMin }
            ? new Fault(Fault.NoSpace, 100) : null;

        Assert.Equal(AppendStatus.StoreFull, (await AppendAsync(0, "refused")).Status);
        Kill();

        Assert.Equal(new SegmentExtent(0, 0, Settled: true, Sealed: false, 0), await Store.GetExtentAsync(Name, Cancellation));
    }

    [Fact]
    public async Task Append_WhenAFullDiskCannotBeCutBack_IsBroken()
    {
        await NewAsync("abc");
        Files.OnCall = call => call switch
        {
            { Kind: FileCallKind.Write, IsMarker: false } => new Fault(Fault.NoSpace, 4),
            { Kind: FileCallKind.SetLength } => new Fault(Fault.InputOutput),
            _ => null,
        };

        Assert.Equal(AppendStatus.Broken, (await AppendAsync(3, "lost")).Status);

        Kill();
        Assert.Equal("abc", await TextAsync());
    }

    [Fact]
    public async Task Append_WhenOnlyTheReserveIsLeft_IsRefusedBeforeAnythingIsWritten()
    {
        await NewAsync();
        Files.Volume = (FileStoreLimits.ReserveBytesMax + 3, 1L << 40);
        Files.Forget();

        Assert.Equal(new AppendOutcome(AppendStatus.StoreFull, 0), await AppendAsync(0, "four"));
        Assert.DoesNotContain(Files.Calls, call => call.Kind == FileCallKind.Write);
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(0, "abc")).Status);

        Files.Volume = (FileStoreLimits.ReserveBytesMax - 1, 1L << 40);
        await Assert.ThrowsAsync<StoreFullException>(async () => await Store.CreateAsync("b", Cancellation));
        Assert.Null(await Store.GetExtentAsync("b", Cancellation));
    }

    [Fact]
    public async Task AppendAnywhere_WhenOnlyTheReserveIsLeft_IsStored()
    {
        await NewAsync();
        Files.Volume = (FileStoreLimits.ReserveBytesMax - 1, 1L << 40);

        var fence = await Store.AppendAnywhereAsync(Name, "fence"u8.ToArray(), Cancellation);

        Assert.Equal(new AppendOutcome(AppendStatus.Appended, 5), fence);
        Assert.Equal(AppendStatus.StoreFull, (await AppendAsync(5, "data")).Status);
    }

    [Theory]
    [InlineData(FileCallKind.Create)]
    [InlineData(FileCallKind.CreateFolder)]
    [InlineData(FileCallKind.Write)]
    [InlineData(FileCallKind.SyncFolder)]
    public async Task Create_WhenACallFails_LeavesNothing(FileCallKind kind)
    {
        foreach (var error in (int[])[Fault.InputOutput, Fault.NoSpace])
        {
            Files.OnCall = call => call.Kind == kind ? new Fault(error) : null;
            var exception = await Record.ExceptionAsync(async () => await Store.CreateAsync("x/b", Cancellation));
            Assert.IsType(error == Fault.NoSpace ? typeof(StoreFullException) : typeof(StoreUnavailableException), exception);

            Files.OnCall = null;
            Assert.Null(await Store.GetExtentAsync("x/b", Cancellation));
        }

        Assert.True(await Store.CreateAsync("x/b", Cancellation));
    }

    [Fact]
    public async Task Create_WhenItCanNeitherBeMadeDurableNorUndone_TakesNoAppends()
    {
        await NewAsync();
        Files.OnCall = call => call.Kind is FileCallKind.SyncFolder or FileCallKind.Delete && call.Position == 0
            && Files.Calls.Any(c => c.Kind == FileCallKind.Create && c.Path.EndsWith("b.log", StringComparison.Ordinal))
            ? new Fault(Fault.InputOutput) : null;

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.CreateAsync("topic/0/b.log", Cancellation));

        Files.OnCall = null;
        var outcome = await Store.AppendAsync("topic/0/b.log", 0, "x"u8.ToArray(), Cancellation);
        Assert.NotEqual(AppendStatus.Appended, outcome.Status);
    }

    [Fact]
    public async Task Read_WhenTheMediumFails_IsUnavailable()
    {
        await NewAsync("abc");
        Files.OnCall = call => call.Kind == FileCallKind.Read ? new Fault(Fault.InputOutput) : null;

        await Assert.ThrowsAsync<StoreUnavailableException>(TextAsync);
    }

    [Fact]
    public async Task Read_WhileAnAppendIsNotYetDurable_DoesNotSeeIt()
    {
        await NewAsync("abc");
        using var written = new ManualResetEventSlim();
        using var proceed = new ManualResetEventSlim();
        Files.OnCall = call =>
        {
            if (call is { Kind: FileCallKind.Sync, IsMarker: false })
            {
                written.Set();
                proceed.Wait(Patience, Cancellation);
            }

            return null;
        };

        var append = AppendAsync(3, "de").AsTask();
        Assert.True(written.Wait(Patience, Cancellation), "The append was never synced.");
        var destination = new byte[10];
        Assert.Equal(3, await Store.ReadAsync(Name, 0, destination, Cancellation));
        Assert.Equal(0, await Store.ReadAsync(Name, 3, destination, Cancellation));
        proceed.Set();

        Assert.Equal(5, (await append).Length);
        Assert.Equal("abcde", await TextAsync());
    }

    [Fact]
    public async Task Append_EveryTime_SyncsTheDataBeforeTheMarkerAndReportsAfterBoth()
    {
        await NewAsync("abc");
        Files.Forget();

        await AppendAsync(3, "de");

        Assert.Equal(
            [(FileCallKind.Write, false), (FileCallKind.Sync, false), (FileCallKind.Write, true)],
            Files.Calls.Where(call => call.Kind != FileCallKind.Open).Select(call => (call.Kind, call.IsMarker)));
    }
}
