using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells the bounds of logs, and the offsets of times.</summary>
/// <param name="offsets">Finds them.</param>
internal sealed class ListOffsetsHandler(PartitionOffsets offsets) : IRequestHandler
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
        const long none = -1;
        try
        {
            switch (partition.TimestampMs)
            {
                case ListOffsetsRequest.Latest:
                    return new ListOffsetsResult(KafkaError.None, none, await offsets.FindEndAsync(caller, topic, partition.Index, cancellationToken));
                case ListOffsetsRequest.Earliest:
                    return new ListOffsetsResult(KafkaError.None, none, await offsets.FindStartAsync(caller, topic, partition.Index, cancellationToken));
                case < 0:
                    return new ListOffsetsResult(KafkaError.InvalidRequest, none, none);
                default:
                    return await offsets.FindAsync(caller, topic, partition.Index, partition.TimestampMs, cancellationToken) is { } found
                        ? new ListOffsetsResult(KafkaError.None, found.TimestampMs, found.Offset)
                        : new ListOffsetsResult(KafkaError.None, none, none);
            }
        }
        catch (Exception exception) when (Refusals.Of(exception) is { } refused)
        {
            return new ListOffsetsResult(KafkaErrors.Of(refused), none, none);
        }
    }
}
