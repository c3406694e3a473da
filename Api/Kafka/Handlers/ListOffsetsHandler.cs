using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Partitions;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the bounds of logs, and the offsets of times.</summary>
/// <param name="offsets">Finds them.</param>
/// <param name="others">Knows which partitions other brokers lead.</param>
internal sealed class ListOffsetsHandler(PartitionOffsets offsets, OtherLeaders others) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => ListOffsetsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = ListOffsetsRequest.Read(call.OpenBody(), call.Version);
        var pending = new List<Task<ListOffsetsResult>>();
        foreach (var topic in request.Topics)
        {
            foreach (var partition in topic.Partitions)
                pending.Add(FindAsync(call.Caller, topic.Name, partition, call.Closed));
        }

        new ListOffsetsAnswer(request, await Task.WhenAll(pending)).Write(call.Answer, call.Version);
    }

    private async Task<ListOffsetsResult> FindAsync(Caller caller, string topic, ListOffsetsPartition partition, CancellationToken cancellationToken)
    {
        var (index, known, timestampMs) = partition;
        if (timestampMs < ListOffsetsRequest.MaxTimestamp)
            return ListOffsetsResult.Failed(KafkaError.InvalidRequest);
        if (others.Find(caller, AccessOperations.Describe, topic, id: null, index) is not null)
            return ListOffsetsResult.Failed(KafkaError.NotLeaderOrFollower);
        try
        {
            var found = await (timestampMs switch
            {
                ListOffsetsRequest.Latest => offsets.FindEndAsync(caller, topic, index, cancellationToken),
                ListOffsetsRequest.Earliest => offsets.FindStartAsync(caller, topic, index, cancellationToken),
                ListOffsetsRequest.MaxTimestamp => offsets.FindAsync(caller, topic, index, FindOffsetResponse.MaxTimestamp, cancellationToken),
                _ => offsets.FindAsync(caller, topic, index, timestampMs, cancellationToken),
            });
            return LeaderEpochs.Compare(known, found.LeaderEpoch) is var other and not KafkaError.None
                ? ListOffsetsResult.Failed(other)
                : new ListOffsetsResult(KafkaError.None, found.TimestampMs, found.Offset, LeaderEpochs.ToKafka(found.Epoch));
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return ListOffsetsResult.Failed(KafkaErrors.Of(refused));
        }
    }
}
