using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Reads of what is not there yet: how they wait, what ends them, and who may say that there is nothing.</summary>
public sealed class FetchWaitTests
{
    [Fact]
    public async Task LongPoll_WhenSomethingIsAppended_Wakes()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(0, wait: TimeSpan.FromSeconds(10));
        Assert.False(fetch.IsCompleted);
        var held = rig.Segments.Hold();
        _ = log.PutAsync(TestBatch.Of("a"));
        Assert.False(fetch.IsCompleted); // not before it is durable

        held.Release();

        Assert.True(fetch.IsCompleted);
        Assert.Equal("a", Assert.Single(StoredRecords.Of((await fetch).Batches)).Value);
        Assert.Equal(1, (await fetch).HighWatermark);
    }

    [Fact]
    public async Task LongPoll_WhenNothingComes_IsEmptyWhenItsTimeIsUp()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(-1, wait: TimeSpan.FromSeconds(3));

        rig.Time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(fetch.IsCompleted);
        rig.Time.Advance(TimeSpan.FromSeconds(0.1));

        var fetched = await rig.RunAsync(fetch);
        Assert.Null(fetched.Error);
        Assert.True(fetched.Batches.IsEmpty);
    }

    [Fact]
    public async Task LongPoll_WhenItsWaitIsOverTheBound_EndsAtTheBound()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(-1, wait: TimeSpan.FromHours(1));

        rig.Time.Advance(LogLimits.FetchWaitMax);

        Assert.True((await rig.RunAsync(fetch)).Batches.IsEmpty);
        Assert.True(rig.NowMs - TestBatch.TimestampMs < 21_000);
    }

    [Fact]
    public async Task LongPoll_WhenCancelled_Ends()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        using var cancel = new CancellationTokenSource();
        var fetch = log.FetchAsync(0, 1000, TimeSpan.FromSeconds(10), cancel.Token).AsTask();

        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch);
    }

    [Fact]
    public async Task LongPoll_WhenTheLogEnds_EndsWithTheReason()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetch = log.GetAsync(0, wait: TimeSpan.FromSeconds(10));

        await rig.CloseAsync(log);

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await fetch).Error?.Code);
    }

    [Fact]
    public async Task LongPoll_OfThousands_ParksNoThread()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        ThreadPool.GetAvailableThreads(out var before, out _);

        var fetches = Enumerable.Range(0, 5000).Select(_ => log.GetAsync(0, wait: TimeSpan.FromSeconds(10))).ToList();

        ThreadPool.GetAvailableThreads(out var after, out _);
        Assert.InRange(before - after, int.MinValue, 50);
        Assert.DoesNotContain(fetches, fetch => fetch.IsCompleted);
        await log.PutAsync(TestBatch.Of("a"));
        Assert.All(await Task.WhenAll(fetches), fetched => Assert.Equal(1, fetched.HighWatermark));
    }

    [Fact]
    public async Task LongPoll_WhenTooManyWait_IsThrottled()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        var fetches = Enumerable.Range(0, LogLimits.ParkedFetchesMax)
            .Select(_ => log.GetAsync(0, wait: TimeSpan.FromSeconds(10))).ToList();

        var refused = await log.GetAsync(0, wait: TimeSpan.FromSeconds(10));

        Assert.Equal(StreamErrorCode.ThrottlingQuotaExceeded, refused.Error?.Code);
        Assert.NotNull(refused.Error!.RetryAfter);
        await log.PutAsync(TestBatch.Of("a"));
        await Task.WhenAll(fetches);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task Fetch_OfNothingNewAfterFiveSeconds_LooksWhoseLogItIs(long offset)
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await log.PutAsync(TestBatch.Of("a"));
        var documents = rig.Documents;
        await log.GetAsync(offset);
        var before = documents.ReadCount;
        Assert.Null((await log.GetAsync(offset)).Error);
        Assert.Equal(before, documents.ReadCount);
        await rig.PassAsync(TimeSpan.FromSeconds(6));

        Assert.Null((await log.GetAsync(offset)).Error);
        Assert.Equal(before + 1, documents.ReadCount);

        var other = await rig.TakeOverAsync();
        await other.PutAsync(TestBatch.Of("b"));
        await rig.PassAsync(TimeSpan.FromSeconds(6));
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await log.GetAsync(offset)).Error?.Code);
        Assert.Equal(LogEnd.Fenced, await log.Ended);
    }

    [Fact]
    public async Task LongPoll_OfAStaleOwner_NeverSaysThatThereIsNothing()
    {
        var rig = new LogRig();
        var stale = await rig.OpenAsync();
        var fetch = stale.GetAsync(-1, wait: TimeSpan.FromSeconds(8));
        var owner = await rig.TakeOverAsync();
        await owner.PutAsync(TestBatch.Of("b"));

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, (await rig.RunAsync(fetch)).Error?.Code);
    }

    [Fact]
    public async Task Fetch_OfNothingNewWhenTheManifestCannotBeRead_SaysSo()
    {
        var rig = new LogRig();
        var log = await rig.OpenAsync();
        await rig.PassAsync(TimeSpan.FromSeconds(6));
        rig.Documents.ReadsToFail = 1;

        Assert.Equal(StreamErrorCode.KafkaStorageError, (await log.GetAsync(-1)).Error?.Code);
        Assert.Null((await log.GetAsync(-1)).Error);
    }
}
