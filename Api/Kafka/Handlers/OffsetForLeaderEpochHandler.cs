using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Tells where the records of a leader's epoch end (KIP-320), so that a consumer sees that what it has read still stands. It always does: readers see
/// only what is durable, and no leader takes anything back.
/// </summary>
/// <param name="offsets">Finds the ends of epochs.</param>
/// <param name="others">Knows which partitions other brokers lead.</param>
internal sealed class OffsetForLeaderEpochHandler(PartitionOffsets offsets, OtherLeaders others) : IRequestHandler
{
    private const int None = -1;

    /// <inheritdoc/>
    public ApiRange Api => OffsetForLeaderEpochRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = OffsetForLeaderEpochRequest.Read(call.OpenBody(), call.Version);
        var pending = new List<Task<EpochResult>>();
        foreach (var topic in request.Topics)
        {
            foreach (var partition in topic.Partitions)
                pending.Add(FindAsync(call.Caller, topic.Name, partition, call.Closed));
        }

        new OffsetForLeaderEpochAnswer(request, await Task.WhenAll(pending)).Write(call.Answer, call.Version);
    }

    private async Task<EpochResult> FindAsync(Caller caller, string topic, EpochPartition partition, CancellationToken cancellationToken)
    {
        // As a broker answers that knows no such epoch.
        if (partition.LeaderEpoch < 0)
            return new EpochResult(KafkaError.None, None, None);
        if (others.Find(caller, AccessOperations.Describe, topic, id: null, partition.Index) is not null)
            return new EpochResult(KafkaError.NotLeaderOrFollower, None, None);
        try
        {
            var end = await offsets.FindEpochEndAsync(caller, topic, partition.Index, partition.LeaderEpoch, cancellationToken);
            return LeaderEpochs.Compare(partition.KnownEpoch, end.LeaderEpoch) is var other and not KafkaError.None
                ? new EpochResult(other, None, None)
                : new EpochResult(KafkaError.None, end.Epoch, end.EndOffset);
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return new EpochResult(KafkaErrors.Of(refused), None, None);
        }
    }
}
