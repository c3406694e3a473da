using OrleansStream.Storage;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Tests.Storage;

/// <summary>What a file segment is after a clean end, a killed process and a power loss.</summary>
public sealed partial class FileSegmentRecoveryTests : FaultySegmentRig
{
    public FileSegmentRecoveryTests()
        : base(tracksPowerLoss: true)
    {
    }

    private string MarkerPath => DataPath + "~durable";

    [Fact]
    public async Task Reopen_AfterDispose_IsSettledAndTheFileIsExact()
    {
        await NewAsync("abc", "de");
        Assert.True(new FileInfo(DataPath).Length > 5);

        Reopen();

        Assert.Equal("abcde", File.ReadAllText(DataPath));
        Assert.Equal(new SegmentExtent(5, 5, Settled: true, Sealed: false, 2), await ExtentAsync());
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(5, "f")).Status);
        Assert.Equal("abcdef", await TextAsync());
    }

    [Fact]
    public async Task Reopen_AfterAKill_IsUnsettledFromTheLastReportedByteOn()
    {
        await NewAsync("abc", "de");

        Kill();

        var extent = await ExtentAsync();
        Assert.Equal((5, false, false), (extent.DurableLength, extent.Settled, extent.Sealed));
        Assert.Equal(new FileInfo(DataPath).Length, extent.Length);
        Assert.Equal(AppendStatus.Conflict, (await AppendAsync(5, "x")).Status);
        Assert.Equal(AppendStatus.Conflict, (await Store.AppendAnywhereAsync(Name, "x"u8.ToArray(), Cancellation)).Status);
        Assert.Equal("abcde" + new string('\0', 95), await TextAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Settle_OfATornTail_CutsItForGood(int tornLength)
    {
        await NewAsync("abc");
        await KillInAppendAsync(3, "torn", tornLength);
        Assert.Equal("abc" + "torn"[..tornLength], (await TextAsync()).TrimEnd('\0'));

        var extent = await Store.SettleAsync(Name, 3, Cancellation);

        Assert.Equal(new SegmentExtent(3, 3, Settled: true, Sealed: false, 1), extent);
        Assert.Equal("abc", await TextAsync());
        Assert.Equal("abc", File.ReadAllText(DataPath));
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(3, "d")).Status);
        Assert.Equal("abcd", File.ReadAllText(DataPath).TrimEnd('\0'));
    }

    [Fact]
    public async Task Settle_BeyondWhatIsInDoubt_IsRefused()
    {
        await NewAsync("abc");
        await KillInAppendAsync(3, "torn", 4);
        var length = (await ExtentAsync()).Length;

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Store.SettleAsync(Name, 2, Cancellation));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Store.SettleAsync(Name, length + 1, Cancellation));

        Assert.False((await ExtentAsync()).Settled);
        Assert.Equal(new SegmentExtent(7, 7, Settled: true, Sealed: false, 1), await Store.SettleAsync(Name, 7, Cancellation));
        Assert.Equal("abctorn", await TextAsync());
    }

    [Fact]
    public async Task Settle_WhenTheSyncFails_SettlesNothing()
    {
        await NewAsync("abc");
        await KillInAppendAsync(3, "torn", 4);
        Files.OnCall = call => call.Kind == FileCallKind.Sync ? new Fault(Fault.InputOutput) : null;

        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.SettleAsync(Name, 7, Cancellation));

        Files.OnCall = null;
        await Assert.ThrowsAsync<StoreUnavailableException>(async () => await Store.SettleAsync(Name, 7, Cancellation));
        Assert.NotEqual(AppendStatus.Appended, (await AppendAsync(7, "x")).Status);
        Assert.False((await ExtentAsync()).Settled);
    }

    [Fact]
    public async Task Settle_ThenKill_KeepsWhatWasSettled()
    {
        await NewAsync("abc");
        await KillInAppendAsync(3, "torn", 4);
        await Store.SettleAsync(Name, 7, Cancellation);

        Kill();

        var extent = await ExtentAsync();
        Assert.Equal((7, 7, true), (extent.DurableLength, extent.Length, extent.Settled));
    }

    [Fact]
    public async Task Seal_Always_CutsTheZerosAheadAndLasts()
    {
        await NewAsync("abc");

        await Store.SealAsync(Name, Cancellation);
        Assert.Equal("abc", File.ReadAllText(DataPath));
        Kill();

        Assert.Equal(new SegmentExtent(3, 3, Settled: true, Sealed: true, 1), await ExtentAsync());
        Assert.Equal(AppendStatus.Sealed, (await AppendAsync(3, "x")).Status);
    }

    [Fact]
    public async Task Seal_OfAnUnsettledSegment_LeavesItsEndToBeSettled()
    {
        await NewAsync("abc");
        await KillInAppendAsync(3, "torn", 4);

        await Store.SealAsync(Name, Cancellation);
        Kill();

        var extent = await ExtentAsync();
        Assert.Equal((3, false, true), (extent.DurableLength, extent.Settled, extent.Sealed));
        Assert.Equal(new SegmentExtent(7, 7, Settled: true, Sealed: true, 1), await Store.SettleAsync(Name, 7, Cancellation));
        Assert.Equal(AppendStatus.Sealed, (await AppendAsync(7, "x")).Status);
    }

    [Fact]
    public async Task Append_OfOneSmallRecord_KeepsTheFileSmall()
    {
        await NewAsync("abc");

        Assert.InRange(new FileInfo(DataPath).Length, 3, FileStoreLimits.GrowthBytesMin + 3);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(5, true)]
    [InlineData(6, true)]
    public async Task Appends_ThroughCrashesAtAnyCall_LoseNothingReported(int seed, bool powerLoss)
    {
        var random = new Random(seed);
        var model = new MemoryStream();
        await NewAsync();
        for (var round = 0; round < 40; round++)
        {
            Files.CrashAtCall = random.Next(1, 40);
            Files.Forget();
            byte[] open = [];
            while (!Files.Crashed)
            {
                open = new byte[random.Next(1, 1 << random.Next(1, 15))];
                random.NextBytes(open);
                var outcome = await Store.AppendAsync(Name, model.Length, open, Cancellation);
                if (outcome.Status != AppendStatus.Appended)
                    break;
                model.Write(open);
                open = [];
            }

            var reported = (int)model.Length;
            Kill(() =>
            {
                if (powerLoss)
                    Files.LosePower(random);
            });

            // The model knows the end that the log finds by its checksums: after the open append when it is whole.
            var extent = await ExtentAsync();
            Assert.InRange(extent.DurableLength, powerLoss ? 0 : reported, reported + open.Length);
            Assert.True(extent.Length >= reported, $"{extent} lost some of {reported} bytes");
            Assert.False(extent.Sealed);
            var found = new byte[extent.Length];
            Assert.Equal(found.Length, await Store.ReadAsync(Name, 0, found, Cancellation));
            Assert.True(found.AsSpan(0, reported).SequenceEqual(model.ToArray()), "Reported bytes changed.");
            if (found.AsSpan(reported).StartsWith(open))
                model.Write(open);
            extent = await Store.SettleAsync(Name, model.Length, Cancellation);
            Assert.Equal((model.Length, model.Length, true), (extent.DurableLength, extent.Length, extent.Settled));
        }
    }

    private async Task<SegmentExtent> ExtentAsync() => (await Store.GetExtentAsync(Name, Cancellation))!.Value;

    /// <summary>Kills the process when so much of the append is written.</summary>
    private async Task KillInAppendAsync(long position, string text, int writtenLength)
    {
        Files.OnCall = call =>
        {
            if (call.Kind != FileCallKind.Write || call.IsMarker)
                return null;
            Files.Crash();
            return new Fault(Fault.InputOutput, writtenLength);
        };
        Assert.NotEqual(AppendStatus.Appended, (await AppendAsync(position, text)).Status);
        Kill();
    }
}
