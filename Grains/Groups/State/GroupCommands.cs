using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>The time on both clocks.</summary>
/// <param name="MonotonicMs">The coordinator's monotonic clock, in milliseconds. Leases run on it.</param>
/// <param name="UnixMs">The wall clock, in milliseconds since the Unix epoch. It dates what is stored.</param>
internal readonly record struct GroupTime(long MonotonicMs, long UnixMs);

/// <summary>The result of a command: its answer, and what it changed.</summary>
/// <param name="Answer">The answer. Nobody may see it before the events are durable.</param>
/// <param name="Events">The events that were applied, in order.</param>
internal readonly record struct Handled<T>(T Answer, ImmutableArray<GroupEvent> Events);

/// <summary>Why a command was refused.</summary>
/// <param name="Code">The error, by Kafka's name.</param>
/// <param name="Detail">One sentence for the person who reads it.</param>
internal sealed record GroupRefusal(StreamErrorCode Code, string Detail);

/// <summary>The result of looking up a topic by name.</summary>
/// <param name="Name">The name.</param>
/// <param name="Topic">The topic; null when it does not exist.</param>
internal sealed record TopicLookup(string Name, GroupTopic? Topic);

/// <summary>What the group told a member last. By it the group recognizes the member's process.</summary>
/// <param name="Incarnation">The group's incarnation.</param>
/// <param name="Epoch">The member epoch.</param>
internal readonly record struct MemberClaim(Guid Incarnation, long Epoch);

/// <summary>A member's poll, without the records: it joins or renews, commits offsets, and takes on or gives up partitions.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Topics">The names that it subscribes to.</param>
/// <param name="Found">The lookups of those topics that the group does not know.</param>
/// <param name="Claim">What the group told the member last; null when its process has just started.</param>
/// <param name="Commits">The offsets up to which it is done.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor that it asks for; null for no preference.</param>
internal sealed record PollCommand(
    string Member, ImmutableSortedSet<string> Topics, ImmutableArray<TopicLookup> Found, MemberClaim? Claim,
    ImmutableArray<OffsetCommit> Commits, int LeaseMs, string? Assignor)
{
    /// <summary>The changes to the records that wait in place.</summary>
    public ImmutableArray<HoldsChange> Holds { get; init; } = [];

    /// <summary>
    /// True to refuse the poll when its member is not in the group. A poll that somebody else makes in the member's name must not bring back a member
    /// that has left.
    /// </summary>
    public bool NeverJoins { get; init; }

    /// <summary>True to leave the member's partitions as they are, because its work on them goes on.</summary>
    public bool KeepsPartitions { get; init; }
}

/// <summary>An offset to commit.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The next offset to read.</param>
/// <param name="Metadata">A text that is kept with the offset.</param>
/// <param name="InPlaceOf">
/// Null for an ordinary commit, which only moves the offset forward. Otherwise the committed offset that this one replaces, because it lies beyond
/// the end of the log. A replacement may move the offset back, but only while the replaced offset is still the committed one.
/// </param>
internal readonly record struct OffsetCommit(TopicPartition Partition, long Offset, string Metadata = "", long? InPlaceOf = null);

/// <summary>The state of a member, as the answer to its command.</summary>
/// <param name="Refusal">Why the command was refused; null when it was not.</param>
/// <param name="Incarnation">The group's incarnation.</param>
/// <param name="Epoch">The member's epoch; 0 when the caller is not a member, or another process has taken its place.</param>
/// <param name="LeaseLeftMs">What is left of its lease, in milliseconds.</param>
/// <param name="Assigned">The member's partitions.</param>
internal sealed record MemberAnswer(
    GroupRefusal? Refusal, Guid Incarnation, long Epoch, long LeaseLeftMs, PartitionSet Assigned);

/// <summary>The state of a group. The names are those of KIP-848.</summary>
internal enum GroupPhase
{
    /// <summary>The group has no members.</summary>
    Empty,

    /// <summary>A new assignment is due soon.</summary>
    Assigning,

    /// <summary>Some members must still give up partitions, or take them on.</summary>
    Reconciling,

    /// <summary>Every member has its target.</summary>
    Stable,
}
