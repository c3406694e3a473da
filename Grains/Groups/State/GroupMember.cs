using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>A member of a group.</summary>
/// <param name="Id">Its id, which the member chose itself (Kafka's static membership).</param>
/// <param name="Epoch">Changes exactly when its partitions or its process change. A commit with another epoch is refused.</param>
/// <param name="Since">The epoch with which its process came.</param>
/// <param name="Topics">The names that it subscribes to; some may not exist.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor that it asks for; null for no preference.</param>
internal sealed record GroupMember(
    string Id, long Epoch, long Since, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor)
{
    /// <summary>
    /// Its partitions. No other member gets one of them before this member has confirmed that it gave the partition up, or its lease ended.
    /// </summary>
    public PartitionSet Assigned { get; init; } = PartitionSet.Empty;

    /// <summary>Those of its partitions that it was asked to let go of, and may still have.</summary>
    public PartitionSet Revoking { get; init; } = PartitionSet.Empty;

    /// <summary>Who it is, when it is one that says what it has and confirms what it let go of; null for one that polls.</summary>
    public ConsumerMember? Consumer { get; init; }

    /// <summary>The names of the topics that it asks for: those that it names, and those that match its regular expression.</summary>
    public ImmutableSortedSet<string> Subscribed => Consumer?.Matched is { IsEmpty: false } matched ? Topics.Union(matched) : Topics;

    /// <summary>The partitions that it is to have, as soon as others give them up.</summary>
    public PartitionSet Target { get; init; } = PartitionSet.Empty;
}
