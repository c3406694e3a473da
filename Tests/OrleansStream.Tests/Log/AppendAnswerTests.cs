using OrleansStream.Log.Contract;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>When the callers of a durable group are answered: before the next group is given to the store, or while it is being stored.</summary>
public sealed class AppendAnswerTests
{
    [Theory]
    [InlineData(LogLimits.StoredBeforeAnswersBytesMin, true)]
    [InlineData(LogLimits.StoredBeforeAnswersBytesMin / 2, false)]
    public async Task Answer_WhenMuchWaits_ComesWhileTheNextGroupIsBeingStored(int waitingBytes, bool isStoredMeanwhile)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var (held, next) = (rig.Segments.Hold(), rig.Segments.Hold());
        var isNextUnderWay = log.PutAsync(TestBatch.Of("a")).ContinueWith(
            _ => next.HasArrived, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        var waiting = log.PutAsync(TestBatch.Of(new string('b', waitingBytes)));

        held.Release();

        Assert.Equal(isStoredMeanwhile, await isNextUnderWay.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken));
        Assert.False(waiting.IsCompleted);
        next.Release();
        Assert.Equal(1, (await waiting).BaseOffset);
        Assert.Equal(["a", new string('b', waitingBytes)], await log.ReadValuesAsync());
    }

    [Fact]
    public async Task Answer_WhenTheStoreFailsForTheNextGroup_IsThatTheFirstIsStored()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        rig.Segments.Throw(new ObjectDisposedException("the store"));
        var first = log.PutAsync(TestBatch.Of("a"));
        var second = log.PutAsync(TestBatch.Of(new string('b', LogLimits.StoredBeforeAnswersBytesMin)));

        held.Release();

        Assert.Equal(0, (await first.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken)).BaseOffset);
        Assert.True((await second).Error!.OutcomeUnknown);
        Assert.Equal(LogEnd.Failed, await log.Ended);
        await rig.CloseAsync(log);
    }

    [Fact]
    public async Task Answer_WhenAllThatWaitsIsGivenUp_ComesAtOnce()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var held = rig.Segments.Hold();
        var first = log.PutAsync(TestBatch.Of("a"));
        using var cancel = new CancellationTokenSource();
        var second = log.AppendAsync(
            TestBatch.Of(new string('b', LogLimits.StoredBeforeAnswersBytesMin)), LogAcks.Durable, cancellationToken: cancel.Token).AsTask();
        await cancel.CancelAsync();
        Assert.False((await second).Error!.OutcomeUnknown);

        held.Release();

        Assert.Equal(0, (await first.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken)).BaseOffset);
        Assert.Equal(1, (await log.PutAsync(TestBatch.Of("c"))).BaseOffset);
        Assert.Equal(["a", "c"], await log.ReadValuesAsync());
    }
}
