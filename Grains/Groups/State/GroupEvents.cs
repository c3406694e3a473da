using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>
/// A fact about a group. A state is what its events, applied in order, make it: the same way live and when it is read back.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "is")]
[JsonDerivedType(typeof(GroupCreated), "group")]
[JsonDerivedType(typeof(TopicsChanged), "topics")]
[JsonDerivedType(typeof(MemberJoined), "member")]
[JsonDerivedType(typeof(MemberRestarted), "restart")]
[JsonDerivedType(typeof(MemberChanged), "change")]
[JsonDerivedType(typeof(MemberLeft), "leave")]
[JsonDerivedType(typeof(TargetAssigned), "target")]
[JsonDerivedType(typeof(AssignmentChanged), "assignment")]
[JsonDerivedType(typeof(OffsetsCommitted), "commit")]
[JsonDerivedType(typeof(OffsetsReset), "reset")]
[JsonDerivedType(typeof(OffsetsRemoved), "offsets-removed")]
[JsonDerivedType(typeof(RetryChanged), "retry")]
[JsonDerivedType(typeof(RedriveChanged), "redrive")]
[JsonDerivedType(typeof(HoldsChanged), "holds")]
[JsonDerivedType(typeof(GroupDeleted), "delete")]
internal abstract record GroupEvent;

/// <summary>The group came into being; or, at the start of a stored state, what its counters stood at.</summary>
/// <param name="Incarnation">Random: what was told by an earlier group of the same name is not taken for this one's.</param>
/// <param name="GroupEpoch">Grows with every change that asks for a new assignment.</param>
/// <param name="LastMemberEpoch">The last member epoch given out.</param>
/// <param name="EmptySinceMs">Since when the group has no members, in milliseconds since the Unix epoch.</param>
internal sealed record GroupCreated(Guid Incarnation, long GroupEpoch, long LastMemberEpoch, long EmptySinceMs) : GroupEvent;

/// <summary>The topics behind the group's subscriptions and offsets are now these. What belongs to others is dropped.</summary>
/// <param name="Topics">All of them.</param>
/// <param name="GroupEpoch">The group epoch after it.</param>
internal sealed record TopicsChanged(ImmutableArray<GroupTopic> Topics, long GroupEpoch) : GroupEvent;

/// <summary>A member joined; it has no partition yet.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Since">The epoch its process came with: older ones are another process's.</param>
/// <param name="Topics">The names it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor it asks for; null for no preference.</param>
/// <param name="GroupEpoch">The group epoch after it.</param>
internal sealed record MemberJoined(
    string Member, long Epoch, long Since, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor, long GroupEpoch) : GroupEvent;

/// <summary>A member came back in another process, which keeps its partitions and fences the one before.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Epoch">Its new epoch.</param>
internal sealed record MemberRestarted(string Member, long Epoch) : GroupEvent;

/// <summary>A member changed what it asks for.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Topics">The names it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor it asks for; null for no preference.</param>
/// <param name="GroupEpoch">The group epoch after it.</param>
internal sealed record MemberChanged(
    string Member, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor, long GroupEpoch) : GroupEvent;

/// <summary>A member left or its lease ended; its partitions are free.</summary>
/// <param name="Member">Its id.</param>
/// <param name="AtMs">When, in milliseconds since the Unix epoch.</param>
/// <param name="GroupEpoch">The group epoch after it.</param>
internal sealed record MemberLeft(string Member, long AtMs, long GroupEpoch) : GroupEvent;

/// <summary>Where the partitions shall be.</summary>
/// <param name="GroupEpoch">The group epoch that it answers.</param>
/// <param name="Targets">Per member its partitions; a member that is missing has none.</param>
internal sealed record TargetAssigned(long GroupEpoch, ImmutableArray<MemberTarget> Targets) : GroupEvent;

/// <summary>The partitions that a member shall have.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Partitions">Its partitions.</param>
internal sealed record MemberTarget(string Member, PartitionSet Partitions);

/// <summary>A member's partitions are now these. What it had besides is free.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Epoch">Its new epoch.</param>
/// <param name="Partitions">All its partitions.</param>
internal sealed record AssignmentChanged(string Member, long Epoch, PartitionSet Partitions) : GroupEvent;

/// <summary>Offsets moved forward.</summary>
/// <param name="Offsets">The offsets.</param>
internal sealed record OffsetsCommitted(ImmutableArray<CommittedOffset> Offsets) : GroupEvent;

/// <summary>Offsets were set by a person, forward or back.</summary>
/// <param name="Offsets">The offsets.</param>
internal sealed record OffsetsReset(ImmutableArray<CommittedOffset> Offsets) : GroupEvent;

/// <summary>Offsets are forgotten.</summary>
/// <param name="Partitions">Whose.</param>
internal sealed record OffsetsRemoved(PartitionSet Partitions) : GroupEvent;

/// <summary>The rules for records that fail are now these.</summary>
/// <param name="Policy">The rules.</param>
/// <param name="GroupEpoch">The group epoch after it: members read the topics in which records wait, too.</param>
internal sealed record RetryChanged(RetryPolicy Policy, long GroupEpoch) : GroupEvent;

/// <summary>A redrive of dead letters began, went on or ended.</summary>
/// <param name="Redrive">How far it is.</param>
internal sealed record RedriveChanged(Redrive Redrive) : GroupEvent;

/// <summary>The records of a partition that wait in place are now these.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Holds">The records, by offset.</param>
internal sealed record HoldsChanged(TopicPartition Partition, ImmutableArray<HeldRecord> Holds) : GroupEvent;

/// <summary>The group and all it kept is gone.</summary>
internal sealed record GroupDeleted : GroupEvent;

/// <summary>A committed offset.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The next offset to be read.</param>
/// <param name="Metadata">What the committer wants to remember with it.</param>
/// <param name="AtMs">When it was committed, in milliseconds since the Unix epoch.</param>
internal sealed record CommittedOffset(Guid TopicId, int Partition, long Offset, string Metadata, long AtMs)
{
    /// <summary>The partition it belongs to.</summary>
    [JsonIgnore]
    public TopicPartition Place => new(TopicId, Partition);
}
