using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Tells which broker coordinates a group: the one that is asked. Each reaches every group, wherever that is; what is asked for something else, such as
/// a transaction, is refused by the request that follows.
/// </summary>
/// <param name="broker">This broker.</param>
internal sealed class FindCoordinatorHandler(LocalBroker broker) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => FindCoordinatorRequest.Api;

    /// <inheritdoc/>
    public Task HandleAsync(KafkaCall call)
    {
        var request = FindCoordinatorRequest.Read(call.OpenBody(), call.Version);
        new FindCoordinatorAnswer(request, new MetadataBroker(broker.NodeId, broker.HostFor(call.Connection.Local), broker.Port)).Write(call.Answer, call.Version);
        return Task.CompletedTask;
    }
}
