using System.Buffers;
using System.Collections.Immutable;
using System.IO.Pipelines;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Cluster;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Instrumentation;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Connections;
using OrleansStream.Kafka.Handlers;
using OrleansStream.Partitions;
using OrleansStream.Producers;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Producers;
using OrleansStream.Tests.Support;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Kafka;

/// <summary>
/// What a record more costs in memory on the Kafka endpoint, from a frame in the connection's pipe to its answer in the other pipe: nothing. The log
/// has tests of its own (<c>AppendMemoryTests</c>); here it answers at once.
/// </summary>
public sealed class KafkaMemoryTests : IDisposable
{
    private const string Topic = "t";
    private const int RequestCount = 100;
    private const int FetchBytesMax = 1 << 20;
    private static readonly CancellationToken Never = CancellationToken.None;

    private readonly ReadyTopic _topic = new();
    private readonly CountingPipe _answers = new();
    private readonly KafkaMetrics _metrics = new();
    private readonly ClientQuotas _quotas = new(Options.Create(new QuotaOptions()), TimeProvider.System);
    private readonly NodeLoad _node = new(TimeProvider.System);
    private readonly Dictionary<int, (byte[] Requests, byte[] Batches)> _prepared = [];

    [Theory]
    [InlineData(Acks.All)]
    [InlineData(Acks.Leader)]
    [InlineData(Acks.None)]
    public async Task Produce_OfMoreRecords_AllocatesNoMore(Acks acks)
    {
        var handler = MakeProduceHandler();
        byte[] RequestsOf(int count) => Repeat(KafkaCalls.ProduceRequest(1, Topic, 0, (short)acks, BatchOf(count)));
        // The first request also fetches a producer id for those of its kind.
        await ServeAsync(handler, RequestsOf(1));
        Assert.Equal(RequestCount, _topic.AppendedRecords);
        Assert.Equal(acks == Acks.None, _answers.Bytes == 0);

        Allocations.AssertNoneForARecordMore(count => ServeAtOnce(handler, count, RequestsOf), RequestCount);
    }

    [Fact]
    public async Task Fetch_OfMoreRecords_AllocatesNoMore()
    {
        var handler = MakeFetchHandler();
        byte[] RequestsOf(int count)
        {
            _topic.Batches = BatchOf(count);
            return Repeat(KafkaCalls.FetchRequest(1, Topic, 0, offset: 0));
        }

        await ServeAsync(handler, RequestsOf(10));
        Assert.InRange(_answers.Bytes, RequestCount * BatchOf(10).Length, RequestCount * (BatchOf(10).Length + 100));

        Allocations.AssertNoneForARecordMore(count => ServeAtOnce(handler, count, RequestsOf), RequestCount);
    }

    // A fetch of a backlog brings many batches at once.
    [Fact]
    public async Task Fetch_OfMoreBatches_AllocatesNoMore()
    {
        var handler = MakeFetchHandler();
        byte[] RequestsOf(int count)
        {
            _topic.Batches = Repeat(BatchOf(1), count);
            return Repeat(KafkaCalls.FetchRequest(1, Topic, 0, offset: 0));
        }

        await ServeAsync(handler, RequestsOf(10));

        Allocations.AssertNoneForARecordMore(count => ServeAtOnce(handler, count, RequestsOf), RequestCount);
    }

    public void Dispose()
    {
        _metrics.Dispose();
        _quotas.Dispose();
    }

    /// <summary>Serves so many requests. Nothing waits, so all of it runs on this thread.</summary>
    private void ServeAtOnce(IRequestHandler handler, int count, Func<int, byte[]> requestsOf)
    {
        if (!_prepared.TryGetValue(count, out var prepared))
            _prepared[count] = prepared = (requestsOf(count), _topic.Batches);
        _topic.Batches = prepared.Batches;
        var served = ServeAsync(handler, prepared.Requests);
        Assert.True(served.IsCompletedSuccessfully, "It waited, or failed: what it allocated is not all known.");
    }

    private async Task ServeAsync(IRequestHandler handler, byte[] requests)
    {
        _answers.Bytes = 0;
        using var client = new ClientConnection("test", remote: null, local: null, [handler.Api], Never, Never);
        using var frames = new FrameReader(
            PipeReader.Create(new ReadOnlySequence<byte>(requests)), _node, () => ConnectionLimits.FrameBytesMax, TimeProvider.System, Never);
        using var connection = new KafkaConnection(
            client, frames, _answers, new ApiTable([handler]), new RequestQuotas(_quotas, AccessControl.Open, _metrics), _metrics,
            new RequestTraces(), TimeProvider.System, NullLogger.Instance);
        await connection.RunAsync();
    }

    private ProduceHandler MakeProduceHandler()
    {
        var (grains, routes) = MakeRoutes();
        var time = TimeProvider.System;
        var appender = new RecordsAppender(
            AccessControl.Open, routes, new ClientProducerIds(grains, time), new ProducerLanes(grains, time), time);
        var brokers = MakeBrokers(grains);
        return new ProduceHandler(
            appender, new KnownTopics(AccessControl.Open, grains, time), new OtherLeaders(brokers, AccessControl.Open), brokers, time);
    }

    private FetchHandler MakeFetchHandler()
    {
        var (grains, routes) = MakeRoutes();
        var time = TimeProvider.System;
        var readers = new PartitionSetReaders(
            AccessControl.Open, routes, new KnownTopics(AccessControl.Open, grains, time), new NodeAnswers(time), new NodeWaits(), time);
        var lost = new LostReads(time);
        var directory = new TopicDirectory(AccessControl.Open, grains, new TopicAdministration(AccessControl.Open, grains, routes, lost), lost);
        var brokers = MakeBrokers(grains);
        return new FetchHandler(readers, directory, new OtherLeaders(brokers, AccessControl.Open), brokers, RandomSource.System);
    }

    private (IGrainFactory Grains, TopicRoutes Routes) MakeRoutes()
    {
        var topic = new TopicMetadata(Topic, Guid.NewGuid(), 1, ImmutableSortedDictionary<string, string>.Empty, 1, default);
        var catalogue = Answering.By<ITopicCatalogGrain>((_, _) => Task.FromResult<TopicMetadata?>(topic));
        var (served, own) = (new ProducerIdCounter(ProducerIdRanges.ClientMin), new ProducerIdCounter(ProducerIdRanges.ServiceMin));
        var grains = Answering.By<IGrainFactory>((method, _) => method.GetGenericArguments().Single() switch
        {
            var kind when kind == typeof(ITopicCatalogGrain) => catalogue,
            var kind when kind == typeof(IServiceProducerIdGrain) => own,
            _ => served,
        });
        return (grains, new TopicRoutes(grains, _topic));
    }

    private static ClusterBrokers MakeBrokers(IGrainFactory grains) => new(
        new LocalBroker(Options.Create(new KafkaOptions())), new SiloCalls(grains, TimeProvider.System), TimeProvider.System,
        NullLogger<ClusterBrokers>.Instance);

    private static byte[] BatchOf(int count) => SampleRecords.Batch("a text, as events are"u8.ToArray(), count);

    private static byte[] Repeat(byte[] bytes, int times = RequestCount) => [.. Enumerable.Repeat(bytes, times).SelectMany(one => one)];

    /// <summary>A topic whose one partition has stored everything at once, and always has the same batches.</summary>
    private sealed class ReadyTopic : ILocalTopics, ILocalTopic
    {
        private static readonly RecordsAppendResponse Stored =
            new([new AppendPart(0, 1, new AppendResponse(null, BaseOffset: 17, LogAppendTimeMs: -1, LogStartOffset: 0))], default);

        public byte[] Batches { get; set; } = [];

        public int AppendedRecords { get; private set; }

        public ILocalTopic Find(string topic) => this;

        public bool Leads(PartitionKey key) => true;

        public TopicMetadata? FindKnown(string topic) => null;

        public ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken = default)
        {
            Assert.True(RecordBatchHeader.TryRead(request.Batches.Span, out var header));
            AppendedRecords += header.RecordCount;
            return ValueTask.FromResult(Stored);
        }

        public ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult(new FetchResponse(null, request.Offset, Batches, HighWatermark: FetchBytesMax, LogStartOffset: 0));
    }

    /// <summary>The connection's other direction: takes all, keeps nothing.</summary>
    private sealed class CountingPipe : PipeWriter
    {
        private readonly byte[] _memory = new byte[64 * 1024];

        public long Bytes { get; set; }

        public override void Advance(int bytes) => Bytes += bytes;

        public override Memory<byte> GetMemory(int sizeHint = 0) => _memory;

        public override Span<byte> GetSpan(int sizeHint = 0) => _memory;

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => default;

        public override void CancelPendingFlush()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
