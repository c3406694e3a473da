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
    public async Task Read_OnceAPartitionHasAnswered_ReturnsThatAnswer()
    {
        await LeaveBehindAsync();
        Answer(Batch);
        Assert.Equal(Batch.Length, _node.Bytes);

        using (var read = await ReadAsync(0, Slow, 2))
        {
            Assert.Equal(3 * Batch.Length, read.Bytes);
            Assert.Null(read.Responses[1].Error);
            Assert.Equal(3 * Batch.Length, _node.Bytes);
        }

        Assert.Equal(0, _node.Bytes);
        Assert.Single(_topic.Asked[Slow]);
    }

    [Theory]
    [InlineData("nothing new")]
    [InlineData("an error")]
    [InlineData("a lost call")]
    [InlineData("another offset is wanted")]
    [InlineData("no memory")]
    public async Task Read_OnceAPartitionHasAnsweredWithoutUse_AsksItAgain(string answer)
    {
        await LeaveBehindAsync();
        if (answer == "no memory")
            LeaveFree(2 * Batch.Length);
        switch (answer)
        {
            case "nothing new":
                Answer([]);
                break;
            case "an error":
                Answer([], new StreamError(StreamErrorCode.KafkaStorageError, "later"));
                break;
            case "a lost call":
                _topic.Asked[Slow][0].Answer.SetException(new TimeoutException());
                break;
            case "no memory":
                Answer(new byte[3 * Batch.Length]);
                break;
            default:
                Answer(Batch);
                break;
        }

        _topic.IsSlow = false;
        using var read = await ReadFromAsync(answer == "another offset is wanted" ? 5 : 0, Slow);

        Assert.Equal(2, _topic.Asked[Slow].Count);
        Assert.Null(read.Responses[0].Error);
        Assert.Equal(Batch.Length, read.Bytes);
    }

    [Fact]
    public async Task Read_ThatWaits_EndsWhenTheSlowPartitionAnswers()
    {
        await LeaveBehindAsync();
        _topic.IsEmpty = true;
        var reading = _reader.ReadAsync(
            Caller.Anonymous, [At(0, 0), At(Slow, 0)], AtOnce with { Wait = TimeSpan.FromMilliseconds(100) }, TestContext.Current.CancellationToken);
        Assert.False(reading.IsCompleted);

        Answer(Batch);
        using var read = await reading;

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
    public async Task Dispose_EndsTheReadsThatGoOn_AndReturnsTheirMemory()
    {
        await LeaveBehindAsync();
        var call = Assert.Single(_topic.Asked[Slow]);
        Assert.False(call.Cancelled.IsCancellationRequested);
        _reader.Dispose();
        Assert.True(call.Cancelled.IsCancellationRequested);
        Answer(Batch);

        Assert.Equal(0, _node.Bytes);
    }

    [Fact]
    public async Task Dispose_AfterTheAnswer_ReturnsItsMemory()
    {
        await LeaveBehindAsync();
        Answer(Batch);
        Assert.Equal(Batch.Length, _node.Bytes);

        _reader.Dispose();

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

    // One answer gets a part of what is free.
    private void LeaveFree(int bytesOfOneAnswer)
    {
        for (long surplus; (surplus = _node.BytesMax - _node.Bytes - (bytesOfOneAnswer * AdmissionLimits.AnswerPartOfFree)) > 0;)
            Assert.True(_node.TryTake(Math.Min(surplus, (_node.BytesMax - _node.Bytes) / AdmissionLimits.AnswerPartOfFree)));
    }

    private async Task LeaveBehindAsync()
    {
        // The first read asks what topic it is.
        (await ReadAsync(0)).Dispose();
        var reading = ReadAsync(0, Slow);
        _time.Advance(ReadingLimits.SlowPartitionWait);
        (await reading).Dispose();
    }

    private void Answer(byte[] batches, StreamError? error = null) => _topic.Asked[Slow][0].Answer.SetResult(AskedTopic.Make(0, batches, error));

    private Task<PartitionSetRead> ReadAsync(params int[] partitions) => ReadFromAsync(0, partitions);

    private Task<PartitionSetRead> ReadFromAsync(long offset, params int[] partitions) => _reader.ReadAsync(
        Caller.Anonymous, [.. partitions.Select(partition => At(partition, offset))], AtOnce, TestContext.Current.CancellationToken);

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
