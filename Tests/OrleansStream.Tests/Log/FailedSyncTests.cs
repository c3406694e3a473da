using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>A store that cannot say whether it synced: nothing of that segment is relied on any more.</summary>
public sealed class FailedSyncTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_WhenASyncFails_IsCutOffByARollAndNeverVisible()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        var held = _rig.Segments.Hold();
        var append = log.PutAsync(TestBatch.Of("lost"));
        // As a page cache does after a failed sync: the bytes can be read, and may be gone after a crash.
        await _rig.StoredSegments.AppendAsync(held.Call!.Name, held.Call.Position, held.Call.Bytes);
        held.ReleaseAs(AppendStatus.Broken);

        var result = await _rig.RunAsync(append);

        Assert.Equal(StreamErrorCode.KafkaStorageError, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("b"))).BaseOffset);
        Assert.Equal(2, log.State.SegmentCount);
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenASyncFailsTwiceWithinAMinute_TakesTheLogOffline()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.Answer(AppendStatus.Broken);
        await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));
        await log.PutAsync(TestBatch.Of("b"));
        await _rig.PassAsync(TimeSpan.FromSeconds(59));
        _rig.Segments.Answer(AppendStatus.Broken);

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("c")));

        Assert.Equal(StreamErrorCode.PartitionOffline, result.Error?.Code);
        Assert.Equal(LogEnd.Offline, await log.Ended);
    }

    [Fact]
    public async Task Append_WhenASyncFailsAgainAfterAMinute_GoesOn()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.Answer(AppendStatus.Broken);
        await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));
        await _rig.PassAsync(TimeSpan.FromSeconds(61));
        _rig.Segments.Answer(AppendStatus.Broken);

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).Error?.Code);

        Assert.Equal(0, (await log.PutAsync(TestBatch.Of("c"))).BaseOffset);
        Assert.Equal(["c"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenTheSyncOfANewSegmentFails_RollsOnceMore()
    {
        _rig.Options = _rig.Options with { SegmentBytes = 1 };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        _rig.Segments.Answer(AppendStatus.Broken);

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")));

        Assert.Equal(1, result.BaseOffset);
        Assert.Equal(2, log.State.SegmentCount);
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }
}
