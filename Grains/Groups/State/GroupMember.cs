using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>A member of a group.</summary>
/// <param name="Id">Its id, which it chose itself (Kafka's static membership).</param>
/// <param name="Epoch">Changes exactly when its partitions do, or its process: a commit under another epoch is refused.</param>
/// <param name="Since">The epoch its process came with.</param>
/// <param name="Topics">The names it subscribes to; some may not exist.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor it asks for; null for no preference.</param>
internal sealed record GroupMember(
    string Id, long Epoch, long Since, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor)
{
    /// <summary>The partitions it has: nobody else has them until it confirmed that it let go, or its lease ended.</summary>
    public PartitionSet Assigned { get; init; } = PartitionSet.Empty;

    /// <summary>The partitions it shall have once others let go of them.</summary>
    public PartitionSet Target { get; init; } = PartitionSet.Empty;
}
