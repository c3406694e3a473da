using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Log;

/// <summary>A process is killed at each of its calls to the stores while a log is shortened, and while it is deleted.</summary>
public sealed class RetentionCrashTests
{
    private const int RecordCount = 6;
    private const int KeptFrom = 4;
    private static readonly TimeSpan Grace = LogLimits.DeletionGrace + TimeSpan.FromSeconds(1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Shorten_WhenKilledBetweenAnyTwoSteps_LeavesAConsistentLogAndFreesTheRestLater(bool appliesLast)
    {
        var isThrough = false;
        for (var calls = 0; !isThrough; calls++)
        {
            Assert.InRange(calls, 0, 200);
            var rig = await GrowAsync();
            var stop = new StoreStop(calls, appliesLast);
            var log = await rig.TakeOverAsync();
            (rig.Segments.Stop, rig.Documents.Stop) = (stop, stop);
            var shortening = ShortenAsync(rig, log);
            await rig.PassUntilAsync(() => shortening.IsCompleted || stop.HasStopped);
            isThrough = !stop.HasStopped;

            var next = await rig.TakeOverAsync();
            var start = next.State.LogStartOffset;
            Assert.True(start is 0 or KeptFrom, $"The log starts at {start}.");
            Assert.Equal(Enumerable.Range((int)start, RecordCount - (int)start).Select(i => $"{i}"), await next.ReadValuesAsync());

            // What was begun is ended by the next owner, to the byte.
            await ShortenAsync(rig, next);
            await rig.PassAsync(Grace);
            await rig.MaintainAsync(next);
            Assert.Equal(KeptFrom, next.State.LogStartOffset);
            Assert.Equal(
                (await rig.ReadManifestAsync()).Segments.Select(segment => segment.Name), await rig.ListSegmentsAsync());
            Assert.Equal(0, next.State.DeletingBytes);
            Assert.Equal(["4", "5"], await next.ReadValuesAsync());
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Delete_WhenKilledBetweenAnyTwoSteps_IsFinishedByTheNextTry(bool appliesLast)
    {
        var isThrough = false;
        for (var calls = 0; !isThrough; calls++)
        {
            Assert.InRange(calls, 0, 200);
            var rig = await GrowAsync();
            var stop = new StoreStop(calls, appliesLast);
            (rig.Segments.Stop, rig.Documents.Stop) = (stop, stop);
            try
            {
                await PartitionLog.DeleteAsync(LogRig.Name, rig.Segments, rig.Documents, TestContext.Current.CancellationToken);
                isThrough = true;
            }
            catch (StoreUnavailableException)
            {
                await PartitionLog.DeleteAsync(
                    LogRig.Name, rig.StoredSegments, rig.StoredDocuments, TestContext.Current.CancellationToken);
            }

            Assert.Empty(await rig.ListSegmentsAsync());
            Assert.False(await rig.StoredDocuments.ListAsync("", TestContext.Current.CancellationToken)
                .AnyAsync(TestContext.Current.CancellationToken));
        }
    }

    private static async Task ShortenAsync(LogRig rig, PartitionLog log)
    {
        await log.DeleteRecordsAsync(KeptFrom);
        rig.Time.Advance(Grace);
        await log.MaintainAsync();
    }

    // One record a segment, its value the offset.
    private static async Task<LogRig> GrowAsync()
    {
        var rig = new LogRig();
        rig.Options = rig.Options with { SegmentBytes = 1 };
        var log = await rig.OpenAsync();
        for (var i = 0; i < RecordCount; i++)
            await log.PutAsync(TestBatch.Of($"{i}"));
        return rig;
    }
}
