using System.Collections.Immutable;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>An offset to be checked against its log.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Field">The field of the request with the offset.</param>
internal readonly record struct NamedOffset(string Topic, PartitionOffset Offset, string Field);

/// <summary>Finds the topics' names for the offsets of a cursor, which has only ids.</summary>
internal static class NamedOffsets
{
    /// <summary>The offsets of a cursor that belong to a member's partitions, with the topics' names.</summary>
    /// <param name="assignment">The member's partitions.</param>
    /// <param name="offsets">The cursor's offsets.</param>
    /// <param name="isWanted">Selects the offsets.</param>
    public static IEnumerable<NamedOffset> NamesOf(
        this ImmutableArray<AssignedPartition> assignment, IEnumerable<PartitionOffset> offsets,
        Func<AssignedPartition, PartitionOffset, bool> isWanted)
    {
        var assigned = assignment.ToDictionary(one => (one.TopicId, one.Partition));
        foreach (var offset in offsets)
        {
            if (assigned.TryGetValue((offset.TopicId, offset.Partition), out var one) && isWanted(one, offset))
                yield return new NamedOffset(one.Topic, offset, "cursor");
        }
    }
}
