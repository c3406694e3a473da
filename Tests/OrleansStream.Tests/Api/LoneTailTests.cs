using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Hosting;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Api;

/// <summary>A live tail of a topic that does what the test says.</summary>
public sealed class LoneTailTests
{
    private const string Tail = "/v1/topics/t/records?from=earliest&limit=2";

    [Fact]
    public async Task Get_WhenAnotherTopicTakesTheName_TellsTheGapAndGoesOnAtItsStart()
    {
        var topic = new ScriptedTopic { PartitionCount = 1 };
        await using var api = await LoneApi.StartAsync(topic);
        using var response = await api.Client.GetAsync(Tail, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var before = topic.Id;
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) != $"id: 0:1@{before:N}")
        {
        }

        topic.CreateAnew(partitionCount: 2);
        string[] rest = [.. (await lines.ReadToEndAsync(TestContext.Current.CancellationToken)).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(
            ["event: gap", $$"""data: {"partition":0,"from":1,"to":0,"reason":"topic_recreated","topic_id":"{{topic.Id}}"}""", $"id: 0:0,1:0@{topic.Id:N}"],
            rest[..3]);
        Assert.Contains("\"offset\":0,", rest[3], StringComparison.Ordinal);
        Assert.Equal($"id: 0:1,1:0@{topic.Id:N}", rest[4]);
    }

    [Fact]
    public async Task Get_WhenTheTopicIsGone_SaysSoAndEnds()
    {
        var topic = new ScriptedTopic { PartitionCount = 1 };
        await using var api = await LoneApi.StartAsync(topic);
        using var response = await api.Client.GetAsync(Tail, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        topic.Delete();
        var rest = await ApiFixture.TextAsync(response);
        Assert.Contains("event: error\ndata: ", rest, StringComparison.Ordinal);
        Assert.Contains("UNKNOWN_TOPIC_OR_PARTITION", rest, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CompressionType.None), InlineData(CompressionType.Gzip)]
    public async Task Get_WhileTheNodeHasNoMemory_ReadsAgainOnlyAfterAWhile(CompressionType compression)
    {
        var time = new FakeTimeProvider();
        // Uncompressed it does not fit as it is read, else not as it is unfolded.
        var topic = new ScriptedTopic
        {
            PartitionCount = 1,
            Batch = TestBatch.Make(new RecordBatchOptions { Compression = compression }, [(TestBatch.TimestampMs, new string('x', 100_000))]),
        };
        await using var api = await LoneApi.StartAsync(topic, time: time);
        var node = api.Services.GetRequiredService<NodeAnswers>();
        long taken = 0;
        for (var bytes = node.BytesMax; bytes > 10_000; bytes /= 2)
        {
            while (node.TryTake(bytes))
                taken += bytes;
        }

        using var response = await api.Client.GetAsync(
            "/v1/topics/t/records?from=earliest&limit=1", HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await Wait.UntilAsync("it reads", () => topic.FetchCount > 0);
        for (var i = 0; i < 50; i++)
            await AssertStatusAsync(api, "/health/live", HttpStatusCode.OK);
        Assert.Equal(1, topic.FetchCount);

        node.Return(taken);
        var reading = ApiFixture.TextAsync(response);
        await Wait.UntilAsync("it reads again", () =>
        {
            time.Advance(ReadingLimits.TailRetry);
            return reading.IsCompleted;
        });
        Assert.Contains("\"offset\":0,", await reading, StringComparison.Ordinal);
        Assert.Equal(0, node.Bytes);
    }

    [Fact]
    public async Task Get_WhileTheNodeIsNotReady_IsCutAndOthersAreAnswered()
    {
        await using var api = await LoneApi.StartAsync(new ScriptedTopic { PartitionCount = 1 }, new NotReady());
        await AssertIsCutAsync(api);
        using (var head = await api.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, Tail), TestContext.Current.CancellationToken))
            Assert.Equal(HttpStatusCode.ServiceUnavailable, head.StatusCode);
        using (var ready = await AssertStatusAsync(api, "/health/ready", HttpStatusCode.ServiceUnavailable))
            Assert.Contains("\"detail\":\"The storage does not answer.\"", await ApiFixture.TextAsync(ready), StringComparison.Ordinal);
        await AssertStatusAsync(api, "/v1/topics/t/partitions/0/records", HttpStatusCode.OK);
    }

    [Theory]
    [InlineData(StreamErrorCode.NotLeaderOrFollower)]
    [InlineData(StreamErrorCode.KafkaStorageError)]
    [InlineData(StreamErrorCode.PartitionOffline)]
    public async Task Get_WhenTheTopicCannotBeReadJustNow_IsCutAndOthersAreAnswered(StreamErrorCode code)
    {
        await using var api = await LoneApi.StartAsync(new ScriptedTopic { PartitionCount = 1, Error = new StreamError(code, "later") });
        await AssertIsCutAsync(api);
        using var other = await AssertStatusAsync(api, "/v1/topics/t/partitions/0/records", HttpStatusCode.ServiceUnavailable);
        Assert.NotNull(other.Headers.RetryAfter);
    }

    [Fact]
    public async Task Get_WhenNothingHelps_IsAnswered()
    {
        await using var api = await LoneApi.StartAsync(
            new ScriptedTopic { PartitionCount = 1, Error = new StreamError(StreamErrorCode.UnknownTopicOrPartition, "There is no topic.") });
        await AssertStatusAsync(api, Tail, HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Get_WhileTheServiceStops_IsCut()
    {
        await using var api = await LoneApi.StartAsync(new ScriptedTopic { PartitionCount = 1, IsSilent = true });
        var asked = api.Client.GetAsync(Tail, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        api.Services.GetRequiredService<IHostApplicationLifetime>().StopApplication();
        await Assert.ThrowsAsync<HttpRequestException>(() => asked);
    }

    private static async Task AssertIsCutAsync(LoneApi api)
    {
        var cut = await Assert.ThrowsAsync<HttpRequestException>(
            () => api.Client.GetAsync(Tail, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken));
        Assert.Null(cut.StatusCode);
    }

    private static async Task<HttpResponseMessage> AssertStatusAsync(LoneApi api, string path, HttpStatusCode status)
    {
        var response = await api.Client.GetAsync(path, TestContext.Current.CancellationToken);
        Assert.Equal(status, response.StatusCode);
        return response;
    }

    private sealed class NotReady : IReadiness
    {
        public ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult<string?>("The storage does not answer.");
    }
}

/// <summary>A topic with one record in partition 0, until it is deleted; the next of its name has one, too. Reads beyond them wait.</summary>
internal sealed class ScriptedTopic : ITopicRouterGrain, ITopicGrain
{
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new();
    private bool _isDeleted;
    private int _fetchCount;

    /// <summary>Its id.</summary>
    public Guid Id { get; private set; } = Guid.NewGuid();

    /// <summary>The count of its partitions.</summary>
    public int PartitionCount { get; set; }

    /// <summary>Why it cannot be read.</summary>
    public StreamError? Error { get; set; }

    /// <summary>True when it does not answer.</summary>
    public bool IsSilent { get; init; }

    /// <summary>Its one batch.</summary>
    public byte[] Batch { get; init; } = Batches.Of(("k", "v")).ToArray();

    /// <summary>How often it was read.</summary>
    public int FetchCount => Volatile.Read(ref _fetchCount);

    public void Delete() => Change(isDeleted: true, PartitionCount);

    public void CreateAnew(int partitionCount) => Change(isDeleted: false, partitionCount);

    public async ValueTask<TopicDescription> DescribeAsync(CancellationToken cancellationToken)
    {
        if (IsSilent)
            await Pacing.StandStillAsync(cancellationToken);
        return Error is null
            ? new TopicDescription(Topic(), [.. Enumerable.Range(0, PartitionCount).Select(partition => new PartitionDescription(partition, null, 0, 0, 0, 0, "", 0))])
            : new TopicDescription(null, [], Error);
    }

    public async ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _fetchCount);
        if (Error is not null)
            return new FetchResponse(Error, request.Offset, default, -1, -1);
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_isDeleted || request.TopicId is { } id && id != Id)
                    return new FetchResponse(new StreamError(StreamErrorCode.UnknownTopicId, "It was deleted."), request.Offset, default, -1, -1);
                if (partition == 0 && request.Offset <= 0)
                    return new FetchResponse(null, 0, Batch, 1, 0) { TopicId = Id };
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancellationToken);
        }
    }

    Task<TopicResponse> ITopicGrain.GetAsync() => Task.FromResult(_isDeleted
        ? new TopicResponse(null, new StreamError(StreamErrorCode.UnknownTopicOrPartition, "There is no topic 't'."))
        : new TopicResponse(Topic(), null));

    public ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<FindOffsetResponse> FindOffsetAsync(int partition, long timestampMs, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<EpochEndResponse> FindEpochEndAsync(int partition, int epoch, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<PartitionDescription> DeleteRecordsAsync(int partition, long beforeOffset, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public ValueTask<PartitionDescription> DeleteRecordsOfAsync(
        Guid topicId, int partition, long beforeOffset, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public Task<TopicResponse> CreateAsync(CreateTopicRequest request) => throw new NotSupportedException();

    public Task<TopicResponse> AlterAsync(AlterTopicRequest request) => throw new NotSupportedException();

    public Task<StreamError?> DeleteAsync() => throw new NotSupportedException();

    private TopicMetadata Topic() => new("t", Id, PartitionCount, ImmutableSortedDictionary<string, string>.Empty, 1, default);

    private void Change(bool isDeleted, int partitionCount)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            (_isDeleted, PartitionCount, Id) = (isDeleted, partitionCount, Guid.NewGuid());
            (changed, _changed) = (_changed, new TaskCompletionSource());
        }

        changed.SetResult();
    }
}
