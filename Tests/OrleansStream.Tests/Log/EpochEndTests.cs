using OrleansStream.Log.Contract;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Where the batches of an owner's epoch end: what a consumer asks that was told of another leader.</summary>
public sealed class EpochEndTests
{
    private readonly LogRig _rig = new();

    [Theory]
    [InlineData(1)]
    [InlineData(400)]
    [InlineData(100_000)]
    public async Task Find_OfEveryEpoch_IsBehindItsLastRecord(int segmentBytes)
    {
        _rig.Options = _rig.Options with { SegmentBytes = segmentBytes };
        var log = await _rig.OpenAsync();
        var random = new Random(7);
        // Some owners store nothing; the epoch before theirs is told then.
        var expected = new Dictionary<int, (int Epoch, long EndOffset)>();
        var (last, end) = (1, 0L);
        for (var owner = 0; owner < 12; owner++)
        {
            for (var count = random.Next(4) == 0 ? 0 : random.Next(1, 20); count > 0; count--)
            {
                await log.PutAsync(TestBatch.Of([.. Enumerable.Range(0, random.Next(1, 4)).Select(n => $"{n}")]));
                (last, end) = (log.Epoch, log.State.HighWatermark);
            }

            expected[log.Epoch] = (last, end);
            log = await _rig.TakeOverAsync();
        }

        foreach (var (epoch, (lastEpoch, endOffset)) in expected)
        {
            Assert.Equal(new LogEpochEnd(null, endOffset == 0 ? epoch : lastEpoch, endOffset),
                await _rig.RunAsync(log.FindEpochEndAsync(epoch).AsTask()));
        }

        Assert.Equal(new LogEpochEnd(null, log.Epoch, end), await _rig.RunAsync(log.FindEpochEndAsync(log.Epoch).AsTask()));
        Assert.Equal(LogEpochEnd.None, await _rig.RunAsync(log.FindEpochEndAsync(log.Epoch + 1).AsTask()));
    }

    [Fact]
    public async Task Find_OfAnEpochOfWhichNothingIsLeft_IsTheLogStart()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a", "b"));
        log = await _rig.TakeOverAsync();
        await log.PutAsync(TestBatch.Of("c", "d"));
        await _rig.DeleteRecordsAsync(log, 3);

        Assert.Equal(new LogEpochEnd(null, 1, 3), await _rig.RunAsync(log.FindEpochEndAsync(1).AsTask()));
        Assert.Equal(new LogEpochEnd(null, 2, 4), await _rig.RunAsync(log.FindEpochEndAsync(2).AsTask()));
    }
}
