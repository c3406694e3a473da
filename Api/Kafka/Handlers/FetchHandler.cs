using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Randomness;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Gives consumers the stored batches. It waits for new ones without a thread, over all partitions of the request at once.</summary>
/// <param name="readers">Reads them.</param>
/// <param name="topics">Finds topics by their ids.</param>
/// <param name="leaders">Knows which partitions other brokers lead.</param>
/// <param name="brokers">Tells of this broker.</param>
/// <param name="random">Where the ids of sessions come from.</param>
internal sealed class FetchHandler(
    PartitionSetReaders readers, TopicDirectory topics, OtherLeaders leaders, ClusterBrokers brokers, RandomSource random) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => FetchRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = FetchRequest.Read(call.OpenBody(), call.Version);
        Consumer consumer;
        try
        {
            consumer = call.Connection.State(_ => new Consumer(readers.Open(call.Caller), random));
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is { } refused)
        {
            var refusal = KafkaErrors.Of(refused);
            new FetchAnswer(KafkaError.None, 0, [.. request.Partitions.Select(partition => FetchResult.Failed(partition.Name, refusal))])
                .Write(call.Answer, call.Version);
            return;
        }

        var error = consumer.Session.Take(request, out var isIncremental);
        if (error != KafkaError.None)
        {
            new FetchAnswer(error, 0, []).Write(call.Answer, call.Version);
            return;
        }

        FetchPartition[] asked = [.. consumer.Session.Partitions];
        if (asked.Length > HandlerLimits.FetchPartitionsMax)
            throw new MalformedFrameException($"A fetch is of {asked.Length} partitions; at most {HandlerLimits.FetchPartitionsMax} are read at once.");
        await FindNamesAsync(call, consumer, asked);
        var toRead = Array.ConvertAll(asked, consumer.ToRead);
        var others = Array.ConvertAll(
            toRead, one => leaders.Find(call.Caller, AccessOperations.Read, one.Topic, one.TopicId, one.Partition));
        var read = await ReadAsync(
            call, consumer, request, [.. toRead.Where((_, i) => others[i] is null)], hasOthers: Array.Exists(others, other => other is not null));
        // The log's memory is read until the answer is sent.
        call.Hold(read);
        new FetchAnswer(KafkaError.None, consumer.Session.Id, Tell(call, asked, others, read, consumer.Session, isIncremental)).Write(
            call.Answer, call.Version);
    }

    private static async Task<PartitionSetRead> ReadAsync(
        KafkaCall call, Consumer consumer, FetchRequest request, IReadOnlyList<PartitionToRead> partitions, bool hasOthers)
    {
        var wait = TimeSpan.FromMilliseconds(Math.Clamp(request.MaxWaitMs, 0, HandlerLimits.FetchWaitMax.TotalMilliseconds));
        // A client that asks the wrong broker is told so soon, but not at once: some ask again at once.
        if (hasOthers && wait > ReadingLimits.ErrorPause)
            wait = ReadingLimits.ErrorPause;
        var bounds = new SetReadBounds(request.MinBytes, Math.Clamp(request.MaxBytes, 1, HandlerLimits.FetchAnswerBytesMax), wait);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Closed, call.Connection.Stopping);
        return await consumer.Reader.ReadAsync(call.Caller, partitions, bounds, ended.Token);
    }

    /// <summary>Finds the names of topics that are named by their ids. An id is one topic's for good, so each is asked for once.</summary>
    private async Task FindNamesAsync(KafkaCall call, Consumer consumer, FetchPartition[] asked)
    {
        Guid[] unknown = [.. asked.Select(partition => partition.Name.TopicId).Where(
            id => id != Guid.Empty && !consumer.Names.ContainsKey(id)).Distinct()];
        if (unknown.Length == 0)
            return;
        IReadOnlyList<FoundTopic> found;
        try
        {
            found = await topics.FindAsync(call.Caller, [.. unknown.Select(id => new TopicReference(null, id))], call.Closed);
        }
        catch (Exception exception) when (Refusals.Of(exception, call.Closed) is not null)
        {
            // They are answered as unknown, and the client asks for the metadata and comes again.
            return;
        }

        foreach (var topic in found)
        {
            if (topic.Topic is { } there)
                consumer.Names[there.Id] = there.Name;
        }
    }

    private List<FetchResult> Tell(
        KafkaCall call, FetchPartition[] asked, PartitionLeader?[] others, PartitionSetRead read, FetchSession session, bool isIncremental)
    {
        var results = new List<FetchResult>(isIncremental ? 4 : asked.Length);
        var next = 0;
        for (var i = 0; i < asked.Length; i++)
        {
            var result = others[i] is { } leader
                ? FetchResult.Failed(asked[i].Name, KafkaError.NotLeaderOrFollower) with { Leader = leader }
                : Tell(call, asked[i], read.Responses[next++]);
            if (session.IsNews(result) || !isIncremental)
                results.Add(result);
        }

        return results;
    }

    private FetchResult Tell(KafkaCall call, in FetchPartition asked, in Partitions.FetchResponse response) =>
        LeaderEpochs.Compare(asked.LeaderEpoch, response.LeaderEpoch) switch
        {
            KafkaError.None => new FetchResult(
                asked.Name, ErrorOf(response.Error, asked.Name), response.HighWatermark, response.LogStartOffset,
                response.Batches.IsEmpty ? [] : StoredBatches.VisibleIn(response.Batches)),
            // librdkafka sends epoch 0 to a leader whose epoch it was not told, and reads nothing until it is told: here it need not ask for
            // metadata.
            KafkaError.FencedLeaderEpoch => FetchResult.Failed(asked.Name, KafkaError.FencedLeaderEpoch) with
            {
                Leader = brokers.TellOwn(call.Connection.Local, response.LeaderEpoch),
            },
            var other => FetchResult.Failed(asked.Name, other),
        };

    // Some clients end for good at an error that they do not expect of a fetch.
    private static KafkaError ErrorOf(StreamError? error, FetchPartitionName name) => KafkaErrors.Of(error) switch
    {
        KafkaError.None => KafkaError.None,
        KafkaError.OffsetOutOfRange => KafkaError.OffsetOutOfRange,
        KafkaError.TopicAuthorizationFailed or KafkaError.SaslAuthenticationFailed => KafkaError.TopicAuthorizationFailed,
        KafkaError.UnknownTopicOrPartition or KafkaError.InvalidTopicException => name.TopicId == Guid.Empty
            ? KafkaError.UnknownTopicOrPartition
            : KafkaError.UnknownTopicId,
        _ => KafkaError.NotLeaderOrFollower,
    };

    /// <summary>A connection that reads.</summary>
    /// <param name="reader">Reads for it.</param>
    /// <param name="random">Where the ids of its sessions come from.</param>
    private sealed class Consumer(PartitionSetReader reader, RandomSource random) : IDisposable
    {
        public PartitionSetReader Reader => reader;

        public FetchSession Session { get; } = new(random);

        /// <summary>The names of topics that were named by their ids.</summary>
        public Dictionary<Guid, string> Names { get; } = [];

        // A topic that is not found is read under its id, which is no topic's name: so its error is told in the partition's place.
        public PartitionToRead ToRead(FetchPartition asked)
        {
            var (topic, id, index) = asked.Name;
            var bytesMax = Math.Max(1, asked.MaxBytes);
            return id == Guid.Empty
                ? new PartitionToRead(topic, index, asked.Offset, bytesMax)
                : new PartitionToRead(Names.GetValueOrDefault(id) ?? id.ToString(), index, asked.Offset, bytesMax, id);
        }

        public void Dispose() => reader.Dispose();
    }
}
