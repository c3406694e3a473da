using OrleansStream.Storage;
using OrleansStream.Storage.Files.Segments;

namespace OrleansStream.Tests.Storage;

/// <summary>The marker, by which a segment knows how much of it is durable.</summary>
public sealed partial class FileSegmentRecoveryTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reopen_WithoutAMarker_VouchesForNothingAndHidesNothing(bool empty)
    {
        await NewAsync("abc");
        Kill(() =>
        {
            if (empty)
                File.WriteAllBytes(MarkerPath, new byte[DurableMarker.Size]);
            else
                File.Delete(MarkerPath);
        });

        var extent = await ExtentAsync();
        Assert.Equal((0, false), (extent.DurableLength, extent.Settled));
        Assert.StartsWith("abc", await TextAsync());
        await Store.SettleAsync(Name, 3, Cancellation);
        Assert.Equal(AppendStatus.Appended, (await AppendAsync(3, "d")).Status);
    }

    [Fact]
    public async Task Reopen_WithADamagedMarker_LetsNothingBeCut()
    {
        await NewAsync("abc");
        for (var i = 0; i < DurableMarker.Size; i++)
        {
            Kill(() => Flip(MarkerPath, i));

            var extent = await ExtentAsync();
            Assert.Equal(extent.Length, extent.DurableLength);
            Kill(() => Flip(MarkerPath, i));
        }

        Assert.Equal(3, (await ExtentAsync()).DurableLength);
    }

    [Fact]
    public async Task Reopen_WithAFileShorterThanWasDurable_ShowsTheLossAndTakesNothing()
    {
        await NewAsync("abc");
        await Store.SealAsync(Name, Cancellation);
        Kill(() => File.WriteAllText(DataPath, "ab"));

        var extent = await ExtentAsync();
        Assert.Equal((3, 2, false), (extent.DurableLength, extent.Length, extent.Settled));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Store.SettleAsync(Name, 2, Cancellation));
    }

    [Fact]
    public async Task Append_AfterACleanEnd_TakesTheCleanMarkBackDurablyFirst()
    {
        await NewAsync("abc");
        Reopen();
        await ExtentAsync();
        Files.Forget();

        await AppendAsync(3, "d");

        var calls = Files.Calls.Where(call => call.Kind is FileCallKind.Write or FileCallKind.Sync).Take(3);
        Assert.Equal(
            [(FileCallKind.Write, true), (FileCallKind.Sync, true), (FileCallKind.Write, false)],
            calls.Select(call => (call.Kind, call.IsMarker)));
    }

    private static void Flip(string path, int index)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[index] ^= 0x10;
        File.WriteAllBytes(path, bytes);
    }
}
