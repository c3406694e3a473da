using System.Collections.Immutable;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Reading;

/// <summary>A partition whose owner hangs, or is only opening it, holds up the other partitions of a read for a moment, once.</summary>
public sealed class SlowPartitionTests : IDisposable
{
    private const string Topic = "t";
    private const int Slow = 1;

    private static readonly byte[] Batch = TestBatch.Of("a");
    private static readonly SetReadBounds AtOnce = new(BytesMin: 1, BytesMax: 1 << 20, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new();
    private readonly AskedTopic _topic = new();
    private readonly NodeAnswers _node;
    private readonly PartitionSetReader _reader;

    public SlowPartitionTests()
    {
        _node = new NodeAnswers(_time, bytesMax: 1 << 20);
        var topic = new TopicMetadata(Topic, Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        var catalogue = Answering.By<ITopicCatalogGrain>((_, _) => Task.FromResult<TopicMetadata?>(topic));
        var grains = Answering.By<IGrainFactory>((_, _) => catalogue);
        _reader = new PartitionSetReaders(
            AccessControl.Open, new TopicRoutes(grains, _topic), new KnownTopics(AccessControl.Open, grains, _time), _node, new NodeWaits(), _time)
            .Open(Caller.Anonymous);
    }

    public void Dispose() => _reader.Dispose();

    [Fact]
    public async Task Read_WhenAPartitionHangs_ReturnsTheOthersAfterAMoment()
    {
        var reading = ReadAsync(0, Slow, 2);
        _time.Advance(ReadingLimits.SlowPartitionWait - TimeSpan.FromMilliseconds(1));
        Assert.False(reading.IsCompleted);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        using var read = await reading;

        Assert.Equal([Batch.Length, 0, Batch.Length], read.Responses.Select(response => response.Batches.Length));
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, read.Responses[1].Error?.Code);
    }

    [Fact]
    public async Task Read_WhileAPartitionStillHangs_WaitsForItNoMoreAndAsksItNoMore()
    {
        await LeaveBehindAsync();

        for (var i = 0; i < 3; i++)
        {
            var reading = ReadAsync(0, Slow, 2);
            Assert.True(reading.IsCompleted);
            using var read = await reading;
            Assert.Equal(2 * Batch.Length, read.Bytes);
            Assert.Equal(StreamErrorCode.NotLeaderOrFollower, read.Responses[1].Error?.Code);
        }

        Assert.Single(_topic.Asked[Slow]);
        // Nor when it is left out for a while, and wanted again.
        (await ReadAsync(0, 2)).Dispose();
        (await ReadAsync(0, Slow)).Dispose();
        Assert.Single(_topic.Asked[Slow]);
    }

    [Fact]
    public async Task Read_OnceAPartitionHasAnsweredLate_AsksItAgainAndWaitsLonger()
    {
        await LeaveBehindAsync();
        Answer();
        // Slow, and again slow: it is read all the same, since it does not hang.
        for (var i = 0; i < 3; i++)
        {
            var reading = ReadAsync(0, Slow, 2);
            _time.Advance(ReadingLimits.SlowPartitionWaitMax - TimeSpan.FromMilliseconds(1));
            Assert.False(reading.IsCompleted);
            Answer();
            using var read = await reading;
            Assert.Equal(3 * Batch.Length, read.Bytes);
        }

        Assert.Equal(4, _topic.Asked[Slow].Count);
        // And it is left behind once it hangs.
        var hanging = ReadAsync(0, Slow, 2);
        _time.Advance(ReadingLimits.SlowPartitionWaitMax);
        using var without = await hanging;
        Assert.Equal(2 * Batch.Length, without.Bytes);
        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, without.Responses[1].Error?.Code);
    }

    [Fact]
    public async Task Read_OnceAPartitionHasAnsweredInTime_WaitsNoLongerThanForOthers()
    {
        await LeaveBehindAsync();
        Answer();
        var inTime = ReadAsync(0, Slow);
        Answer();
        (await inTime).Dispose();

        var reading = ReadAsync(0, Slow);
        _time.Advance(ReadingLimits.SlowPartitionWait);
        using var read = await reading;

        Assert.Equal(StreamErrorCode.NotLeaderOrFollower, read.Responses[1].Error?.Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Read_OnceACallHasFailedLate_AsksAgain(bool isLost)
    {
        await LeaveBehindAsync();
        if (isLost)
            _topic.Asked[Slow][^1].Answer.SetException(new TimeoutException());
        else
            _topic.Asked[Slow][^1].Answer.SetResult(AskedTopic.Make(0, [], new StreamError(StreamErrorCode.KafkaStorageError, "later")));
        _topic.IsSlow = false;

        using var read = await ReadAsync(Slow);

        Assert.Equal(Batch.Length, read.Bytes);
    }

    [Fact]
    public async Task Read_OfManySlowPartitions_ThatAllAnswerInTime_ReturnsAll()
    {
        _topic.AreAllSlow = true;
        var count = 3 * ReadingLimits.SetReadsAtOnce;
        var reading = ReadAsync([.. Enumerable.Range(0, count)]);
        for (var answered = 0; answered < count;)
        {
            var asked = answered + ReadingLimits.SetReadsAtOnce;
            await Wait.UntilAsync("the next are asked", () => _topic.Asked.Count == asked);
            _time.Advance(ReadingLimits.SlowPartitionWait - TimeSpan.FromMilliseconds(1));
            for (; answered < asked; answered++)
                _topic.Asked[answered][0].Answer.SetResult(AskedTopic.Make(0, Batch));
        }

        using var read = await reading;
        Assert.Equal(count * Batch.Length, read.Bytes);
    }

    [Fact]
    public async Task Read_ThatWaits_EndsWhenTheSlowPartitionAnswers()
    {
        await LeaveBehindAsync();
        _topic.IsEmpty = true;
        var reading = _reader.ReadAsync(
            Caller.Anonymous, [At(0, 0), At(Slow, 0)], AtOnce with { Wait = TimeSpan.FromMilliseconds(100) }, TestContext.Current.CancellationToken);
        Assert.False(reading.IsCompleted);

        _topic.IsSlow = false;
        _topic.IsEmpty = false;
        Answer();
        using var read = await reading;

        // The other one is still waited on.
        Assert.Equal([0, Batch.Length], read.Responses.Select(response => response.Batches.Length));
    }

    [Fact]
    public async Task Read_OfMoreHangingPartitionsThanAreAskedAtOnce_WaitsForAllOfThemTogether()
    {
        _topic.AreAllSlow = true;
        var reading = ReadAsync([.. Enumerable.Range(0, 3 * ReadingLimits.SetReadsAtOnce)]);
        _time.Advance(ReadingLimits.SlowPartitionWait);
        for (var more = 0; more < 2; more++)
        {
            await Wait.UntilAsync("the next are asked", () => _topic.Asked.Count == (more + 2) * ReadingLimits.SetReadsAtOnce);
            _time.Advance(ReadingLimits.SlowPartitionWaitMin);
        }

        using var read = await reading;
        Assert.All(read.Responses, response => Assert.Equal(StreamErrorCode.NotLeaderOrFollower, response.Error?.Code));
    }

    [Fact]
    public async Task Dispose_EndsTheReadsThatGoOn()
    {
        await LeaveBehindAsync();
        var call = Assert.Single(_topic.Asked[Slow]);
        Assert.False(call.Cancelled.IsCancellationRequested);

        _reader.Dispose();

        Assert.True(call.Cancelled.IsCancellationRequested);
        Assert.Equal(0, _node.Bytes);
    }

    [Fact]
    public async Task Read_ThatIsCanceledMeanwhile_ReturnsWhatItHas()
    {
        using var ended = new CancellationTokenSource();
        var reading = _reader.ReadAsync(Caller.Anonymous, [At(0, 0), At(Slow, 0)], AtOnce, ended.Token);
        Assert.False(reading.IsCompleted);
        await ended.CancelAsync();
        using var read = await reading;

        Assert.Equal(Batch.Length, read.Bytes);
        Assert.Equal(StreamErrorCode.ShuttingDown, read.Responses[1].Error?.Code);
    }

    [Fact]
    public async Task Read_OfMoreThanAreAskedAtOnce_AsksNoMoreOnceItIsCanceled()
    {
        _topic.AreAllSlow = true;
        using var ended = new CancellationTokenSource();
        var reading = _reader.ReadAsync(
            Caller.Anonymous, [.. Enumerable.Range(0, 5 * ReadingLimits.SetReadsAtOnce).Select(partition => At(partition, 0))], AtOnce, ended.Token);
        await Wait.UntilAsync("the first are asked", () => _topic.Asked.Count == ReadingLimits.SetReadsAtOnce);

        await ended.CancelAsync();
        using var read = await reading;

        Assert.All(read.Responses, response => Assert.Equal(StreamErrorCode.ShuttingDown, response.Error?.Code));
        Assert.Equal(ReadingLimits.SetReadsAtOnce, _topic.Asked.Count);
    }

    private async Task LeaveBehindAsync()
    {
        // The first read asks what topic it is.
        (await ReadAsync(0)).Dispose();
        var reading = ReadAsync(0, Slow);
        _time.Advance(ReadingLimits.SlowPartitionWait);
        (await reading).Dispose();
    }

    private void Answer() => _topic.Asked[Slow][^1].Answer.SetResult(AskedTopic.Make(0, Batch));

    private Task<PartitionSetRead> ReadAsync(params int[] partitions) => _reader.ReadAsync(
        Caller.Anonymous, [.. partitions.Select(partition => At(partition, 0))], AtOnce, TestContext.Current.CancellationToken);

    private static PartitionToRead At(int partition, long offset) => new(Topic, partition, offset, BytesMax: 1 << 20);

    /// <summary>A call to a partition that has no answer yet.</summary>
    private sealed record Call(TaskCompletionSource<FetchResponse> Answer, CancellationToken Cancelled);

    /// <summary>A topic with a batch in each partition, whose slow partitions answer when told.</summary>
    private sealed class AskedTopic : ILocalTopics, ILocalTopic
    {
        public Dictionary<int, List<Call>> Asked { get; } = [];

        public bool IsSlow { get; set; } = true;

        public bool AreAllSlow { get; set; }

        public bool IsEmpty { get; set; }

        public ILocalTopic Find(string topic) => this;

        public bool Leads(PartitionKey key) => true;

        public TopicMetadata? FindKnown(string topic) => null;

        public ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken = default)
        {
            if (!Asked.TryGetValue(partition, out var calls))
                Asked[partition] = calls = [];
            var call = new Call(new TaskCompletionSource<FetchResponse>(), cancellationToken);
            calls.Add(call);
            return (partition == Slow && IsSlow) || AreAllSlow || request.WaitMs > 0
                ? new ValueTask<FetchResponse>(call.Answer.Task.WaitAsync(cancellationToken))
                : ValueTask.FromResult(Make(request.Offset, IsEmpty ? [] : Batch));
        }

        public static FetchResponse Make(long offset, byte[] batches, StreamError? error = null) =>
            new(error, offset, batches, HighWatermark: 1, LogStartOffset: 0);
    }
}
