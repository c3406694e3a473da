using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Topics;

/// <summary>A router asks the owner of its topic again while no answer comes, and nobody waits longer than that takes.</summary>
public sealed class TopicCacheTests
{
    private readonly WaitedTime _time = new();
    private readonly ConcurrentQueue<Func<Task<TopicResponse>>> _answers = new();
    private readonly TopicCache _cache;
    private int _calls;

    public TopicCacheTests()
    {
        var topic = Answering.By<ITopicGrain>((_, _) =>
        {
            Interlocked.Increment(ref _calls);
            return _answers.TryDequeue(out var answer) ? answer() : new TaskCompletionSource<TopicResponse>().Task;
        });
        _cache = new TopicCache("t", Answering.By<IGrainFactory>((_, _) => topic), _time);
    }

    public static TheoryData<Exception> Losses =>
        [new SiloUnavailableException("gone"), new TimeoutException(), new TaskCanceledException("The activation did not begin in time.")];

    [Theory]
    [MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public async Task Get_WhenACallIsLost_AsksAgain(Exception loss)
    {
        _answers.Enqueue(() => Task.FromException<TopicResponse>(loss));
        _answers.Enqueue(() => Answer(version: 1));
        var asked = _cache.GetAsync().AsTask();

        await _time.PassAsync(asked);

        Assert.Equal(1, (await asked).Topic!.Metadata.Version);
        Assert.Equal((2, TopicGrainLimits.RetryPause), (_calls, _time.Passed));
    }

    [Theory]
    [MemberData(nameof(Losses), DisableDiscoveryEnumeration = true)]
    public async Task Get_WhenEachCallIsLost_SaysThatNothingIsStoredInTimeForAnAppend(Exception loss)
    {
        for (var i = 0; i < 1_000; i++)
            _answers.Enqueue(() => Task.FromException<TopicResponse>(loss));
        var asked = _cache.GetAsync().AsTask();

        await _time.PassAsync(asked);

        var (topic, error) = await asked;
        Assert.Equal((null, StreamErrorCode.NotLeaderOrFollower, false), (topic, error!.Code, error.OutcomeUnknown));
        Assert.InRange(_time.Passed, TopicGrainLimits.TopicOwnerWaitMax - (2 * TopicGrainLimits.RetryPause), TopicGrainLimits.TopicOwnerWaitMax);
    }

    [Fact]
    public async Task Get_WhenTheOwnersSiloHangs_AsksAgainAfterOneTry()
    {
        _answers.Enqueue(static () => new TaskCompletionSource<TopicResponse>().Task);
        _answers.Enqueue(() => Answer(version: 1));
        var asked = _cache.GetAsync().AsTask();

        await _time.PassAsync(asked);

        Assert.Equal(1, (await asked).Topic!.Metadata.Version);
        Assert.Equal(TopicGrainLimits.TopicAskMax + TopicGrainLimits.RetryPause, _time.Passed);
    }

    // A hung silo's grains move within 15 s, and an append is tried for 25 s.
    [Fact]
    public async Task Get_WhileTheOwnersSiloHangs_AsksUntilItsGrainsHaveMovedAndEndsInTimeForAnAppend()
    {
        var asked = _cache.GetAsync().AsTask();

        await _time.PassAsync(asked);

        var (topic, error) = await asked;
        Assert.Equal((null, StreamErrorCode.NotLeaderOrFollower, false), (topic, error!.Code, error.OutcomeUnknown));
        Assert.Equal((4, TopicGrainLimits.TopicOwnerWaitMax), (_calls, _time.Passed));
        Assert.InRange(_time.Passed, TimeSpan.FromSeconds(15), TopicLimits.AppendTimeout - TimeSpan.FromSeconds(5));
    }

    // A request that is not certainly stored asks again, and must end before its client gives it up: Kafka's wait 30 s.
    [Fact]
    public async Task Get_BehindAQuestionThatHadNoAnswer_IsOneTryUntilThereIsOne()
    {
        await _time.PassAsync(_cache.GetAsync().AsTask());
        Assert.Equal(TopicGrainLimits.TopicOwnerWaitMax, _time.Passed);

        var again = _cache.GetAsync().AsTask();
        await _time.PassAsync(again);
        Assert.Null((await again).Topic);
        Assert.Equal(TopicGrainLimits.TopicOwnerWaitMax + TopicGrainLimits.TopicAskMax, _time.Passed);

        _answers.Enqueue(() => Answer(version: 1));
        Assert.Equal(1, (await _cache.GetAsync()).Topic!.Metadata.Version);
        var passed = _time.Passed;
        _time.Advance(TopicGrainLimits.TopicCacheAge);
        await _time.PassAsync(_cache.GetAsync().AsTask());
        Assert.Equal(passed + TopicGrainLimits.TopicOwnerWaitMax, _time.Passed);
    }

    // The partitions of other topics, which are read with it, would wait for it too.
    [Fact]
    public async Task Fetch_WhileTheOwnersSiloHangs_EndsWithItsCaller()
    {
        var calls = new PartitionCalls(
            new GrainLookup<IPartitionGrain>(Answering.By<IGrainFactory>((_, _) => null!)), new OpenPartitionIndex(), _time, NullLogger.Instance);
        var reads = new TopicReads("t", _cache, calls);
        using var givenUp = new CancellationTokenSource();
        var fetch = reads.FetchAsync(0, new FetchRequest(0, BytesMax: 1, WaitMs: 0), givenUp.Token).AsTask();
        Assert.False(fetch.IsCompleted);

        await givenUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Get_BehindAQuestionThatHasHadNoAnswerForATry_AsksAnewAndTheOldAnswerDoesNotCount()
    {
        var late = new TaskCompletionSource<TopicResponse>(TaskCreationOptions.RunContinuationsAsynchronously);
        _answers.Enqueue(static () => new TaskCompletionSource<TopicResponse>().Task);
        _answers.Enqueue(() => late.Task);
        _answers.Enqueue(() => Answer(version: 2));
        var first = _cache.GetAsync().AsTask();
        await _time.PassNextAsync(first);
        await _time.PassNextAsync(first);
        await Wait.UntilAsync("the first one asks again", () => Volatile.Read(ref _calls) == 2);
        _time.Advance(TimeSpan.FromMilliseconds(1));

        var second = await _cache.GetAsync().AsTask().WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(2, second.Topic!.Metadata.Version);
        Assert.False(first.IsCompleted);
        late.SetResult(await Answer(version: 1));

        Assert.Equal(1, (await first).Topic!.Metadata.Version);
        Assert.Equal(2, _cache.Fresh!.Metadata.Version);
    }

    private static Task<TopicResponse> Answer(long version) => Task.FromResult(new TopicResponse(
        new TopicMetadata("t", Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, version, default), Error: null));

    /// <summary>A clock that passes exactly as much time as is waited for.</summary>
    private sealed class WaitedTime : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();
        private Task<TimeSpan>? _next;

        /// <summary>The time that has passed.</summary>
        public TimeSpan Passed { get; private set; }

        /// <summary>Passes time until work is done.</summary>
        public async Task PassAsync(Task work)
        {
            while (await PassNextAsync(work))
            {
            }
        }

        /// <summary>Passes the next wait that the work begins.</summary>
        /// <returns>False when it is done.</returns>
        public async Task<bool> PassNextAsync(Task work)
        {
            var next = _next ??= _waits.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask();
            if (await Task.WhenAny(work, next).WaitAsync(Wait.Patience, TestContext.Current.CancellationToken) == work)
                return false;
            _next = null;
            Passed += await next;
            Advance(await next);
            return true;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            Assert.True(_waits.Writer.TryWrite(dueTime));
            return timer;
        }
    }
}
