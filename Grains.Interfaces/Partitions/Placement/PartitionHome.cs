using System.Buffers.Binary;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Partitions.Placement;

/// <summary>Decides which silo is to lead a partition. All silos that know the same silos decide alike.</summary>
/// <remarks>
/// Orleans' own placement by activation count uses statistics that are seconds old, so a topic that is created right after a start ends up on one
/// silo, and it never moves what it has placed. Here, of as many consecutive partitions as there are silos, each silo gets one. So no silo leads more
/// than one partition of a topic more than another. Within such a run, silos are chosen by weights that do not depend on the other silos (rendezvous
/// hashing). So about half of the partitions stay where they are when a silo comes or goes.
/// </remarks>
public static class PartitionHome
{
    private const int WeighedBytes = 16 + sizeof(int) + sizeof(int);

    /// <summary>Finds the silo for a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="silos">The silos that may lead it, at least one, in any order.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no silo.</exception>
    public static SiloAddress Find(PartitionKey key, IReadOnlyCollection<SiloAddress> silos)
    {
        ArgumentNullException.ThrowIfNull(silos);
        ArgumentOutOfRangeException.ThrowIfZero(silos.Count);
        List<SiloAddress> free = [.. silos];
        for (var partition = key.Partition - (key.Partition % silos.Count); ; partition++)
        {
            var best = free.MaxBy(silo => Weigh(key with { Partition = partition }, silo))!;
            if (partition == key.Partition)
                return best;
            free.Remove(best);
        }
    }

    // Between equal weights the address decides, so that all silos choose alike.
    private static (int Weight, SiloAddress Silo) Weigh(PartitionKey key, SiloAddress silo)
    {
        Span<byte> weighed = stackalloc byte[WeighedBytes];
        key.TopicId.TryWriteBytes(weighed);
        BinaryPrimitives.WriteInt32LittleEndian(weighed[16..], key.Partition);
        BinaryPrimitives.WriteInt32LittleEndian(weighed[20..], silo.GetConsistentHashCode());
        return (Murmur2.Hash(weighed), silo);
    }
}
