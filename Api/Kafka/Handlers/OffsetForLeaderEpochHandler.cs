using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells up to where what was read of a leader's epoch still stands: readers see only what is durable, so all of it does, up to the end.</summary>
/// <param name="offsets">Finds the ends of logs.</param>
internal sealed class OffsetForLeaderEpochHandler(PartitionOffsets offsets) : IRequestHandler
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
        try
        {
            return new EpochResult(KafkaError.None, partition.LeaderEpoch, await offsets.FindEndAsync(caller, topic, partition.Index, cancellationToken));
        }
        catch (Exception exception) when (Refusals.Of(exception) is { } refused)
        {
            return new EpochResult(KafkaErrors.Of(refused), None, None);
        }
    }
}
