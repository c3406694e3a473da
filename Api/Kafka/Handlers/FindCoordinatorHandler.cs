using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Tells which broker coordinates a group. All brokers tell the same one, so the groups are spread over them; each of them reaches every group, so
/// none refuses what another could answer. What is asked for something else, such as a transaction, is refused by the request that follows.
/// </summary>
/// <param name="brokers">Knows the brokers.</param>
internal sealed class FindCoordinatorHandler(ClusterBrokers brokers) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => FindCoordinatorRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = FindCoordinatorRequest.Read(call.OpenBody(), call.Version);
        var view = await brokers.GetAsync(call.Closed);
        var told = brokers.Tell(view, call.Connection.Local).ToDictionary(broker => broker.NodeId);
        new FindCoordinatorAnswer(request, [.. request.Keys.Select(key => told[view.CoordinatorOf(key).NodeId])]).Write(call.Answer, call.Version);
    }
}
