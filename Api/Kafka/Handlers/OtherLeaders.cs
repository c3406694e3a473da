using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Messages;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Finds the leader of a partition that a client asks this broker for in error.</summary>
/// <param name="brokers">Knows who leads which partition.</param>
/// <param name="access">Decides who may be told that.</param>
internal sealed class OtherLeaders(ClusterBrokers brokers, AccessControl access)
{
    /// <summary>
    /// The broker that leads a partition, when that is certainly another one and the caller may do there what it asks for. It is decided at once by
    /// what is known.
    /// </summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it asks for.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="id">The topic's id; null when it is not known.</param>
    /// <param name="partition">The partition's number.</param>
    /// <returns>The leader; null when this broker is to answer.</returns>
    public PartitionLeader? Find(Caller caller, AccessOperations operation, string topic, Guid? id, int partition) =>
        brokers.FindOtherLeader(topic, id ?? Guid.Empty, partition) is { } other && access.FindRefusal(caller, operation, topic) is null
            ? ClusterBrokers.TellLeader(other)
            : null;
}
