using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Appends whose outcome is open are found out about by reading, and then answered.</summary>
public sealed class ResolveTests
{
    private readonly LogRig _rig = new();

    [Fact]
    public async Task Append_WhenTheReplyIsLost_IsFoundByReadingAndAcked()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.LoseReply();

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));

        Assert.Null(result.Error);
        Assert.Single(_rig.Segments.Appends);
        Assert.Equal(["a"], await log.ReadValuesAsync());
        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("b"))).BaseOffset);
    }

    [Fact]
    public async Task Append_WhenTheRequestIsLost_SendsTheSameBytesToTheSamePlaceAgain()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.LoseRequest(times: 3);
        var append = log.PutAsync(TestBatch.Of("a"));
        var behind = log.PutAsync(TestBatch.Of("b"));

        await _rig.RunAsync(Task.WhenAll(append, behind));

        var tries = _rig.Segments.Appends.Take(4).ToList();
        Assert.All(tries, call => Assert.Equal(tries[0].Position, call.Position));
        Assert.All(tries, call => Assert.Equal(tries[0].Bytes, call.Bytes));
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenALateRequestArrivesAfterItsRepetition_IsStoredOnce()
    {
        var log = await _rig.OpenAsync();
        var late = _rig.Segments.Delay();
        await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));

        Assert.Equal(AppendStatus.Conflict, await late());

        await log.PutAsync(TestBatch.Of("b"));
        Assert.Equal(["a", "b"], await log.ReadValuesAsync());
        Assert.Equal(["a", "b"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenALateRequestArrivesBeforeItsRepetition_IsStoredOnce()
    {
        var log = await _rig.OpenAsync();
        var late = _rig.Segments.Delay();
        var append = log.PutAsync(TestBatch.Of("a"));
        Assert.False(append.IsCompleted);

        Assert.Equal(AppendStatus.Appended, await late());

        Assert.Equal(0, (await _rig.RunAsync(append)).BaseOffset);
        Assert.Equal(["a"], await log.ReadValuesAsync());
        Assert.Equal(["a"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenReadingBackFails_WaitsUntilItIsCertain()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.LoseReply();
        _rig.Segments.ReadsToFail = 4;

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));

        Assert.Null(result.Error);
        Assert.Single(_rig.Segments.Appends);
    }

    [Fact]
    public async Task Append_WhenAHigherFenceIsThere_HasDefinitelyFailedAndTheLogIsFenced()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        var first = _rig.Segments.Hold();
        var append = log.PutAsync(TestBatch.Of("lost"));
        var behind = log.PutAsync(TestBatch.Of("queued"));
        var other = await _rig.TakeOverAsync();
        first.Release();

        var result = await _rig.RunAsync(append);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        Assert.False((await behind).Error!.OutcomeUnknown);
        Assert.Equal(LogEnd.Fenced, await log.Ended);
        Assert.Equal(["a"], await other.ReadValuesAsync());
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await log.GetAsync(0)).Error?.Code);
    }

    [Fact]
    public async Task Append_WhenStoredBeforeAHigherFence_IsAckedAllTheSame()
    {
        var log = await _rig.OpenAsync();
        var held = _rig.Segments.Hold();
        var append = log.PutAsync(TestBatch.Of("a"));
        // It takes effect, the reply is lost, and only then somebody else takes the log over.
        await _rig.StoredSegments.AppendAsync(held.Call!.Name, held.Call.Position, held.Call.Bytes);
        var other = await _rig.TakeOverAsync();
        held.ReleaseAs(AppendStatus.Unknown);

        Assert.Null((await _rig.RunAsync(append)).Error);
        Assert.Equal(["a"], await other.ReadValuesAsync());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Append_WhenALateFenceOfAnOlderOrThisEpochIsThere_StepsOverIt(int fenceEpoch)
    {
        await _rig.OpenAsync();
        var log = await _rig.TakeOverAsync();
        Assert.Equal(2, log.State.Epoch);
        await log.PutAsync(TestBatch.Of("a"));
        var segment = (await _rig.ReadManifestAsync()).Active.Name;
        var fence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(fence, 0, fenceEpoch);
        await _rig.StoredSegments.AppendAnywhereAsync(segment, fence);
        await _rig.StoredSegments.AppendAnywhereAsync(segment, fence);

        Assert.Equal(1, (await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")))).BaseOffset);

        Assert.Equal(2, (await log.PutAsync(TestBatch.Of("c"))).BaseOffset);
        Assert.Equal(["a", "b", "c"], await log.ReadValuesAsync());
        Assert.Equal(["a", "b", "c"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenOtherBytesAreThere_TakesTheLogOffline()
    {
        var log = await _rig.OpenAsync();
        var segment = (await _rig.ReadManifestAsync()).Active.Name;
        await _rig.StoredSegments.AppendAnywhereAsync(segment, TestBatch.Of("a stranger's"));

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));

        Assert.Equal(StreamErrorCode.PartitionOffline, result.Error?.Code);
        Assert.Equal(LogEnd.Offline, await log.Ended);
        Assert.Contains(segment, log.EndDetail, StringComparison.Ordinal);
        Assert.Equal(StreamErrorCode.PartitionOffline, (await log.PutAsync(TestBatch.Of("b"))).Error?.Code);
    }

    [Fact]
    public async Task Append_WhenTheSegmentIsShorterThanWhatWasDurable_TakesTheLogOffline()
    {
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await log.PutAsync(TestBatch.Of("b"));
        var segment = (await _rig.ReadManifestAsync()).Active.Name;
        await _rig.ReplaceSegmentAsync(segment, (await _rig.ReadSegmentAsync(segment))[..^1]);

        await _rig.RunAsync(log.PutAsync(TestBatch.Of("c")));

        Assert.Equal(LogEnd.Offline, await log.Ended);
    }

    [Fact]
    public async Task Append_WhenTheSegmentHasVanished_TakesTheLogOfflineOrTellsThatItWasDeleted()
    {
        var log = await _rig.OpenAsync();
        await _rig.StoredSegments.DeleteAsync((await _rig.ReadManifestAsync()).Active.Name);
        await _rig.RunAsync(log.PutAsync(TestBatch.Of("a")));
        Assert.Equal(LogEnd.Offline, await log.Ended);

        var other = new LogRig();
        var deleted = await other.OpenAsync();
        await PartitionLog.DeleteAsync(
            LogRig.Name, other.StoredSegments, other.StoredDocuments, TestContext.Current.CancellationToken);
        Assert.Equal(
            StreamErrorCode.UnknownTopicId, (await other.RunAsync(deleted.PutAsync(TestBatch.Of("a")))).Error?.Code);
        Assert.Equal(LogEnd.Deleted, await deleted.Ended);
    }

    [Fact]
    public async Task Append_WhenUnresolvedForThirtySeconds_SaysUnknownAndGoesOnUntilItIsStoredOnce()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.LoseRequest(times: 60);
        var append = log.PutAsync(TestBatch.By(7, 0));
        var queued = log.PutAsync(TestBatch.By(8, 0));
        await _rig.PassAsync(LogLimits.AppendWaitMax - TimeSpan.FromSeconds(1));
        Assert.False(append.IsCompleted);

        var result = await _rig.RunAsync(append);

        Assert.Equal(StreamErrorCode.RequestTimedOut, result.Error?.Code);
        Assert.True(result.Error!.OutcomeUnknown);
        Assert.False((await _rig.RunAsync(queued)).Error!.OutcomeUnknown);
        Assert.InRange(_rig.NowMs - TestBatch.TimestampMs, 30_000, 36_000);
        await _rig.PassUntilAsync(() => log.State.HighWatermark == 1);
        var repeated = await log.PutAsync(TestBatch.By(7, 0));
        Assert.True(repeated.Duplicate);
        Assert.Equal(["7/0/0"], await log.ReadValuesAsync());
        Assert.Equal(["7/0/0"], await (await _rig.TakeOverAsync()).ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhileARollOfUpkeepCannotBeDone_IsAnsweredInTime()
    {
        _rig.Options = _rig.Options with { SegmentAge = TimeSpan.FromMinutes(1) };
        var log = await _rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        await _rig.PassAsync(TimeSpan.FromMinutes(2));
        _rig.Segments.CreateFailure = new StoreUnavailableException("down");
        await _rig.MaintainAsync(log);

        var result = await _rig.RunAsync(log.PutAsync(TestBatch.Of("b")));

        Assert.Equal(StreamErrorCode.RequestTimedOut, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        _rig.Segments.CreateFailure = null;
        await _rig.PassUntilAsync(() => log.State.SegmentCount == 2);
        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("c"))).BaseOffset);
        Assert.Equal(["a", "c"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenTheStoreIsFull_HasDefinitelyFailedAndTheLogGoesOn()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.Answer(AppendStatus.StoreFull);

        var result = await log.PutAsync(TestBatch.Of("a"));

        Assert.Equal(StreamErrorCode.KafkaStorageError, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        Assert.NotNull(result.Error.RetryAfter);
        Assert.Equal(0, (await log.PutAsync(TestBatch.Of("b"))).BaseOffset);
        Assert.Equal(["b"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenTheStoreIsFullWhileAnEarlierTryIsOpen_IsNotCalledFailed()
    {
        var log = await _rig.OpenAsync();
        var late = _rig.Segments.Delay();
        _rig.Segments.Answer(AppendStatus.StoreFull, times: 3);
        var append = log.PutAsync(TestBatch.Of("a"));
        await _rig.PassUntilAsync(() => _rig.Segments.ScriptLeft == 0);
        Assert.False(append.IsCompleted);

        await late();

        Assert.Null((await _rig.RunAsync(append)).Error);
        Assert.Equal(["a"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenAGroupFails_QueuedOnesOfItsProducersFailWithItAndOthersPass()
    {
        var log = await _rig.OpenAsync();
        var held = _rig.Segments.Hold();
        var first = log.PutAsync(TestBatch.By(7, 0));
        var second = log.PutAsync(TestBatch.By(7, 1));
        var other = log.PutAsync(TestBatch.By(8, 0));
        var third = log.PutAsync(TestBatch.By(7, 2));

        held.ReleaseAs(AppendStatus.StoreFull);

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await first).Error?.Code);
        Assert.Equal(StreamErrorCode.KafkaStorageError, (await second).Error?.Code);
        Assert.Equal(StreamErrorCode.KafkaStorageError, (await third).Error?.Code);
        Assert.Equal(0, (await other).BaseOffset);
        Assert.Equal(["8/0/0"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_AfterTheFirstOfANewProducerFailed_DoesNotPassIt()
    {
        var log = await _rig.OpenAsync();
        _rig.Segments.Answer(AppendStatus.StoreFull);
        Assert.NotNull((await log.PutAsync(TestBatch.By(7, 0))).Error);

        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await log.PutAsync(TestBatch.By(7, 1))).Error?.Code);

        Assert.Null((await log.PutAsync(TestBatch.By(7, 0))).Error);
        Assert.Null((await log.PutAsync(TestBatch.By(7, 1))).Error);
        Assert.Equal(["7/0/0", "7/0/1"], await log.ReadValuesAsync());
    }
}
