using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Appending;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Records;
using OrleansStream.Security;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Appends the batches of producers. They take their places in the request's order, and are answered when each is stored.</summary>
/// <param name="appender">Appends them.</param>
/// <param name="known">Knows which topics there are.</param>
/// <param name="others">Knows which partitions other brokers lead.</param>
/// <param name="brokers">Tells which silo this is.</param>
/// <param name="time">Times how long an answer is held back.</param>
internal sealed class ProduceHandler(
    RecordsAppender appender, KnownTopics known, OtherLeaders others, ClusterBrokers brokers, TimeProvider time) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => ProduceRequest.Api;

    /// <inheritdoc/>
    public bool IsPipelined => true;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = ProduceRequest.Read(call.OpenBody());
        var appends = call.Connection.State(_ => new OrderedAppends(appender, known, brokers.FindRequiredLeader));
        var refusal = Refuse(request);
        var pending = new List<Task<ProduceResult>>();
        foreach (var topic in request.Topics)
        {
            foreach (var partition in topic.Partitions)
            {
                pending.Add(refusal is { } refused ? Task.FromResult(refused)
                    : AppendAsync(call, appends, (Acks)request.Acks, topic.Name, partition));
            }
        }

        var results = await Task.WhenAll(pending);
        if (request.Acks == (short)Acks.None)
        {
            // Nobody waits for an answer, so only the end of the connection can tell that something went wrong.
            call.IsUnanswered = true;
            call.ClosesConnection = Array.Exists(results, result => result.Error != KafkaError.None);
            return;
        }

        new ProduceAnswer(request, results).Write(call.Answer, call.Version);
    }

    private static ProduceResult? Refuse(ProduceRequest request) => request switch
    {
        { Acks: < -1 or > 1 } => ProduceResult.Failed(KafkaError.InvalidRequiredAcks, $"acks is {request.Acks}; it must be -1, 0 or 1."),
        { TransactionalId: not null } => ProduceResult.Failed(KafkaError.InvalidRequest, "There are no transactions here: leave transactional.id out."),
        _ => null,
    };

    private async Task<ProduceResult> AppendAsync(KafkaCall call, OrderedAppends appends, Acks acks, string topic, ProducePartition partition)
    {
        if (Judge(partition.Records.Span) is { } refused)
            return refused;
        // Decided at once, so that the place of an append in its connection's order does not wait for it.
        if (others.Find(call.Caller, AccessOperations.Write, topic, id: null, partition.Index) is { } leader)
            return ProduceResult.Failed(KafkaError.NotLeaderOrFollower, $"Broker {leader.Broker.NodeId} leads the partition.") with { Leader = leader };
        var outcome = await appends.BeginAsync(call.Caller, topic, partition.Index, call.Own(partition.Records), acks);
        if (!outcome.IsMemoryFree)
            call.KeepFrame();
        using var memory = outcome.Response.RecordMemory;
        var result = Tell(outcome.Response);
        if (KafkaErrors.IsRepeated(result.Error) && RetryAfterOf(outcome.Response) is { } pause)
        {
            var held = pause < HandlerLimits.ProduceAgainPauseMax ? pause : HandlerLimits.ProduceAgainPauseMax;
            await Task.Delay(held, time, call.Closed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return result;
    }

    /// <summary>Judges what only this protocol asks of a batch; the log judges the rest.</summary>
    private static ProduceResult? Judge(ReadOnlySpan<byte> records)
    {
        if (records.IsEmpty)
            return ProduceResult.Failed(KafkaError.InvalidRecord, "There is no batch for the partition.");
        return RecordBatchScanner.Validate(records, checkCrc: false, out _, out var lengthBytes) switch
        {
            RecordBatchStatus.BadMagic => ProduceResult.Failed(
                KafkaError.UnsupportedForMessageFormat, "The batch is not of format (magic) 2, which is the one that is stored."),
            RecordBatchStatus.BadCompression => ProduceResult.Failed(
                KafkaError.UnsupportedCompressionType, "The compression is none of gzip, snappy, lz4 and zstd."),
            RecordBatchStatus.Valid when lengthBytes == records.Length => null,
            RecordBatchStatus.Valid => ProduceResult.Failed(KafkaError.InvalidRecord, "There is more than one batch for the partition."),
            RecordBatchStatus.BadLength when records.Length > RecordLimits.BatchBytesMax => ProduceResult.Failed(
                KafkaError.MessageTooLarge, $"The batch has {records.Length} bytes; at most {RecordLimits.BatchBytesMax} are taken."),
            var status => ProduceResult.Failed(KafkaError.CorruptMessage, $"The batch is damaged: {status}."),
        };
    }

    private static ProduceResult Tell(RecordsAppendResponse response)
    {
        if (response.Error is { } error)
            return ProduceResult.Failed(KafkaErrors.Of(error), error.Detail);
        foreach (var part in response.Parts)
        {
            // The batch is stored, and its offset is no longer known. Some clients take DUPLICATE_SEQUENCE_NUMBER for a failure, so they are told a
            // success.
            if (part.Response.Error is { Code: not StreamErrorCode.DuplicateSequenceNumber } failure)
                return ProduceResult.Failed(KafkaErrors.Of(failure), failure.Detail) with { LogStartOffset = part.Response.LogStartOffset };
        }

        var first = response.Parts[0].Response;
        return new ProduceResult(KafkaError.None, first.BaseOffset, first.LogAppendTimeMs, first.LogStartOffset, Detail: null);
    }

    private static TimeSpan? RetryAfterOf(RecordsAppendResponse response) =>
        (response.Error ?? response.Parts[0].Response.Error)?.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : null;
}
