using OrleansStream.Cluster;
using OrleansStream.Partitions;
using OrleansStream.Partitions.Placement;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Kafka.Brokers;

/// <summary>
/// The brokers of the cluster at one moment, and which of them does what. All processes that know the same silos and brokers decide alike.
/// </summary>
internal sealed class BrokerView
{
    private readonly IReadOnlyList<SiloAddress> _silos;
    private readonly Dictionary<SiloAddress, BrokerAddress> _addresses;

    /// <summary>The view of a process that knows no other broker.</summary>
    /// <param name="own">The process itself.</param>
    /// <param name="silos">Its silo; none where it has none.</param>
    public BrokerView(BrokerAddress own, IReadOnlyList<SiloAddress> silos)
    {
        (_silos, _addresses) = (silos, []);
        Brokers = [own];
        HasBrokerForEachSilo = silos.Count <= 1;
    }

    /// <summary>The view of a cluster.</summary>
    /// <param name="silos">The active silos.</param>
    /// <param name="addresses">Those of them that are brokers, at least one.</param>
    public BrokerView(IReadOnlyList<SiloAddress> silos, Dictionary<SiloAddress, BrokerAddress> addresses)
    {
        (_silos, _addresses) = (silos, addresses);
        // Silos behind one address are one broker to clients.
        Brokers = [.. addresses.Values.DistinctBy(broker => broker.NodeId).OrderBy(broker => broker.NodeId)];
    }

    /// <summary>The brokers, in the order of their ids; at least one.</summary>
    public IReadOnlyList<BrokerAddress> Brokers { get; }

    /// <summary>True when each silo is a broker of its own, as far as is known.</summary>
    public bool HasBrokerForEachSilo { get; init; }

    /// <summary>The active silos; none in a process without one.</summary>
    public IReadOnlyList<SiloAddress> Silos => _silos;

    /// <summary>The broker of a silo; null where it serves no Kafka clients, or is not known.</summary>
    /// <param name="silo">The silo.</param>
    public BrokerAddress? BrokerOf(SiloAddress silo) => Brokers.Count == 1 ? Brokers[0] : _addresses.GetValueOrDefault(silo);

    /// <summary>The broker that is to lead a partition: its home, or another where that one serves no Kafka clients.</summary>
    /// <param name="key">The partition.</param>
    public BrokerAddress LeaderOf(PartitionKey key)
    {
        if (Brokers.Count == 1)
            return Brokers[0];
        return _addresses.TryGetValue(PartitionHome.Find(key, _silos), out var home) ? home : _addresses[PartitionHome.Find(key, _addresses.Keys)];
    }

    /// <summary>The broker that coordinates a group. A group keeps its broker while that one lives, whichever others come and go.</summary>
    /// <param name="group">The group's name.</param>
    public BrokerAddress CoordinatorOf(string group) =>
        Brokers.MaxBy(broker => Murmur2.Hash(System.Text.Encoding.UTF8.GetBytes($"{broker.NodeId}/{group}")))!;
}
