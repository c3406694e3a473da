using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Appends that are given up, and logs that end while appends are under way: each is told what is known of it.</summary>
public sealed class AppendEndTests
{
    [Fact]
    public async Task Append_WhenCancelledBeforeItHasAPlace_SaysThatNothingWasStoredAndNothingIs()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("a"));
        using var cancel = new CancellationTokenSource();
        var append = log.AppendAsync(TestBatch.Of("b"), LogAcks.Durable, cancellationToken: cancel.Token).AsTask();

        await cancel.CancelAsync();
        var result = await append;
        held.Release();

        Assert.Equal(StreamErrorCode.RequestTimedOut, result.Error?.Code);
        Assert.False(result.Error!.OutcomeUnknown);
        await log.PutAsync(TestBatch.Of("c"));
        Assert.Equal(["a", "c"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenCancelledAfterItHasAPlace_SaysThatTheOutcomeIsUnknownAndIsStored()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        using var cancel = new CancellationTokenSource();
        var append = log.AppendAsync(TestBatch.Of("a"), LogAcks.Durable, cancellationToken: cancel.Token).AsTask();

        await cancel.CancelAsync();
        var result = await append;
        held.Release();

        Assert.True(result.Error!.OutcomeUnknown);
        Assert.Equal(["a"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_WhenAnEarlierOneOfTheProducerGaveUpItsPlace_DoesNotPassIt()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("x"));
        using var cancel = new CancellationTokenSource();
        var first = log.AppendAsync(TestBatch.By(7, 0), LogAcks.Durable, cancellationToken: cancel.Token).AsTask();
        var second = log.PutAsync(TestBatch.By(7, 1));
        await cancel.CancelAsync();
        held.Release();

        Assert.False((await first).Error!.OutcomeUnknown);
        Assert.Equal(StreamErrorCode.OutOfOrderSequenceNumber, (await second).Error?.Code);
        Assert.Null((await log.PutAsync(TestBatch.By(7, 0))).Error);
        Assert.Null((await log.PutAsync(TestBatch.By(7, 1))).Error);
        Assert.Equal(["x", "7/0/0", "7/0/1"], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Append_AfterTheLogWasClosed_IsRefusedAsMoving()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await rig.CloseAsync(log);

        var result = await log.PutAsync(TestBatch.Of("a"));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, result.Error?.Code);
        Assert.Equal(LogEnd.Closed, await log.Ended);
        Assert.Empty(rig.Segments.Appends);
    }

    [Fact]
    public async Task Dispose_WhileAnAppendIsUnderWay_WaitsForIt()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var append = log.PutAsync(TestBatch.Of("a"));

        var closing = log.DisposeAsync().AsTask();

        Assert.False(closing.IsCompleted);
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await log.PutAsync(TestBatch.Of("b"))).Error?.Code);
        held.Release();
        Assert.Null((await append).Error);
        await closing;
    }

    [Fact]
    public async Task Dispose_WhenTheStoreDoesNotAnswer_EndsInTimeAndSaysThatTheOutcomeIsUnknown()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        rig.Segments.Hold();
        var placed = log.PutAsync(TestBatch.Of("a"));
        var queued = log.PutAsync(TestBatch.Of("b"));
        var before = rig.Time.GetUtcNow();

        await rig.CloseAsync(log);

        Assert.InRange(rig.Time.GetUtcNow() - before, LogLimits.CloseWaitMax, LogLimits.CloseWaitMax + TimeSpan.FromSeconds(1));
        Assert.True((await placed).Error!.OutcomeUnknown);
        Assert.False((await queued).Error!.OutcomeUnknown);
    }

    [Fact]
    public async Task Append_WhenTheStoreFailsInAnUnforeseenWay_EndsTheLogAndAnswersEverybody()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        rig.Segments.Throw(new ObjectDisposedException("the store"));

        var result = await log.PutAsync(TestBatch.Of("a"));

        Assert.True(result.Error!.OutcomeUnknown);
        Assert.Equal(LogEnd.Failed, await log.Ended);
        Assert.NotNull((await log.PutAsync(TestBatch.Of("b"))).Error);
        await rig.CloseAsync(log);
    }

    [Fact]
    public async Task Append_WhenTheStoreSaysByExceptionThatItDidNotAnswer_IsResolved()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        rig.Segments.Throw(new StoreUnavailableException("reset"));

        var result = await rig.RunAsync(log.PutAsync(TestBatch.Of("a")));

        Assert.Equal(0, result.BaseOffset);
        Assert.Equal(["a"], await log.ReadValuesAsync());
    }
}
