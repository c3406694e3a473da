using OrleansStream.Cluster;
using OrleansStream.Partitions;
using OrleansStream.Partitions.Placement;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>What all silos answered: which partitions are led, by whom, and their bounds.</summary>
internal sealed class LedTable
{
    private readonly SiloAddress[] _silos;
    private readonly Dictionary<PartitionKey, (SiloAddress Silo, BrokerAddress? Broker)> _leaders = [];

    /// <summary>Takes the answers.</summary>
    /// <param name="silos">The active silos.</param>
    /// <param name="answers">The answer of each, in their order; null where one did not answer.</param>
    public LedTable(SiloAddress[] silos, SiloMeasurement?[] answers)
    {
        _silos = silos;
        foreach (var (silo, answer) in silos.Zip(answers))
        {
            if (answer is not null)
                Add(silo, answer);
        }

        // Silos behind one address are one broker to clients.
        Brokers = [.. answers.Select(answer => answer?.Broker).OfType<BrokerAddress>()
            .DistinctBy(broker => broker.NodeId).OrderBy(broker => broker.NodeId)];
    }

    /// <summary>The count of active silos.</summary>
    public int SiloCount => _silos.Length;

    /// <summary>Those of them that serve Kafka clients, by their ids.</summary>
    public IReadOnlyList<BrokerAddress> Brokers { get; }

    /// <summary>The copies that the store keeps; 0 when no silo answered.</summary>
    public int ReplicationFactor { get; private set; }

    /// <summary>The bounds of the partitions that are led.</summary>
    public Dictionary<PartitionKey, (long Start, long End)> Bounds { get; } = [];

    /// <summary>The count of partitions of each topic, as the silos know it.</summary>
    public Dictionary<Guid, int> PartitionCounts { get; } = [];

    /// <summary>A partition with who leads it.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="bounds">Its bounds.</param>
    public PartitionSnapshot Describe(PartitionKey key, (long Start, long End) bounds)
    {
        var partition = new PartitionSnapshot(key.Partition, bounds.Start, bounds.End);
        return _leaders.TryGetValue(key, out var leader)
            ? partition with { LeaderId = leader.Broker?.NodeId, IsPreferred = PartitionHome.Find(key, _silos).Equals(leader.Silo) }
            : partition;
    }

    private void Add(SiloAddress silo, SiloMeasurement answer)
    {
        ReplicationFactor = answer.ReplicationFactor;
        foreach (var topic in answer.Topics)
        {
            PartitionCounts[topic.Id] = Math.Max(PartitionCounts.GetValueOrDefault(topic.Id), topic.PartitionCount);
            foreach (var partition in topic.Partitions)
            {
                var key = new PartitionKey(topic.Id, partition.Partition);
                // While a partition moves, two silos may say that they lead it; the newer one knows the later end.
                if (Bounds.TryGetValue(key, out var other) && other.End > partition.HighWatermark)
                    continue;
                Bounds[key] = (partition.LogStartOffset, partition.HighWatermark);
                _leaders[key] = (silo, answer.Broker);
            }
        }
    }
}
