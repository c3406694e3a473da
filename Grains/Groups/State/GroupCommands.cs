using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>The time, on both clocks.</summary>
/// <param name="MonotonicMs">The coordinator's monotonic clock, in milliseconds: leases run on it.</param>
/// <param name="UnixMs">The wall clock, in milliseconds since the Unix epoch: it dates what is kept.</param>
internal readonly record struct GroupTime(long MonotonicMs, long UnixMs);

/// <summary>What was done with a command: its answer, and what changed.</summary>
/// <param name="Answer">The answer; nobody may see it before the events are durable.</param>
/// <param name="Events">What was applied, in order.</param>
internal readonly record struct Handled<T>(T Answer, ImmutableArray<GroupEvent> Events);

/// <summary>Why a command was refused.</summary>
/// <param name="Code">What is wrong, by Kafka's name.</param>
/// <param name="Detail">One sentence for the person who reads it.</param>
internal sealed record GroupRefusal(StreamErrorCode Code, string Detail);

/// <summary>What a look at a topic's name gave.</summary>
/// <param name="Name">The name.</param>
/// <param name="Topic">The topic; null when there is none.</param>
internal sealed record TopicLookup(string Name, GroupTopic? Topic);

/// <summary>What a member was told last, by which it is known again.</summary>
/// <param name="Incarnation">The group's incarnation.</param>
/// <param name="Epoch">The member epoch.</param>
internal readonly record struct MemberClaim(Guid Incarnation, long Epoch);

/// <summary>A poll, as far as the group is concerned: joins or renews, commits, and takes on or gives up partitions.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Topics">The names it subscribes to.</param>
/// <param name="Found">What its topics are, for those the group does not know.</param>
/// <param name="Claim">What it was told last; null when its process has just started.</param>
/// <param name="Commits">The offsets it is done with.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor it asks for; null for no preference.</param>
internal sealed record PollCommand(
    string Member, ImmutableSortedSet<string> Topics, ImmutableArray<TopicLookup> Found, MemberClaim? Claim,
    ImmutableArray<OffsetCommit> Commits, int LeaseMs, string? Assignor)
{
    /// <summary>The records that wait in place, or shall.</summary>
    public ImmutableArray<HoldsChange> Holds { get; init; } = [];

    /// <summary>True to refuse whoever is no member, as what goes on in a member's name must not bring back one that left.</summary>
    public bool NeverJoins { get; init; }

    /// <summary>True to leave the member's partitions as they are, since its work on them goes on.</summary>
    public bool KeepsPartitions { get; init; }
}

/// <summary>An offset to be committed.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The next offset to be read.</param>
/// <param name="Metadata">What to remember with it.</param>
/// <param name="InPlaceOf">
/// The committed offset that this one takes the place of, since it lies beyond the end of the log: also back, and only when that is still
/// the committed one. Null for a commit, which only goes forward.
/// </param>
internal readonly record struct OffsetCommit(TopicPartition Partition, long Offset, string Metadata = "", long? InPlaceOf = null);

/// <summary>Where a member stands.</summary>
/// <param name="Refusal">Why its command was refused; null when it was not.</param>
/// <param name="Incarnation">The group's incarnation.</param>
/// <param name="Epoch">The member's epoch; 0 when the caller is no member, or no longer its process.</param>
/// <param name="LeaseLeftMs">What is left of its lease, in milliseconds.</param>
/// <param name="Assigned">Its partitions.</param>
internal sealed record MemberAnswer(
    GroupRefusal? Refusal, Guid Incarnation, long Epoch, long LeaseLeftMs, PartitionSet Assigned);

/// <summary>What a group is doing. Names are those of KIP-848.</summary>
internal enum GroupPhase
{
    /// <summary>It has no members.</summary>
    Empty,

    /// <summary>A new assignment is about to be made.</summary>
    Assigning,

    /// <summary>Members still have to let go of partitions, or to take them on.</summary>
    Reconciling,

    /// <summary>Everyone has what it shall have.</summary>
    Stable,
}
