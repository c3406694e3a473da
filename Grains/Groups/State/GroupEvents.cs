using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>
/// A fact about a group. Applying a group's events in order makes its state, live and when the state is read back.
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
[JsonDerivedType(typeof(ClassicChanged), "classic")]
[JsonDerivedType(typeof(GroupDeleted), "delete")]
internal abstract record GroupEvent;

/// <summary>The group was created. At the start of a stored state it restores the group's counters.</summary>
/// <param name="Incarnation">A random id, so that claims on an earlier group of the same name are not valid for this one.</param>
/// <param name="GroupEpoch">Grows with every change that needs a new assignment.</param>
/// <param name="LastMemberEpoch">The last member epoch that was given out.</param>
/// <param name="EmptySinceMs">When the group last became empty, in milliseconds since the Unix epoch.</param>
internal sealed record GroupCreated(Guid Incarnation, long GroupEpoch, long LastMemberEpoch, long EmptySinceMs) : GroupEvent;

/// <summary>The new list of topics behind the group's subscriptions and offsets. What belongs to other topics is dropped.</summary>
/// <param name="Topics">All the topics.</param>
/// <param name="GroupEpoch">The group epoch after the event.</param>
internal sealed record TopicsChanged(ImmutableArray<GroupTopic> Topics, long GroupEpoch) : GroupEvent;

/// <summary>A member joined. It has no partitions yet.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Since">The epoch with which its process came. Older epochs belong to another process.</param>
/// <param name="Topics">The names that it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor that it asks for; null for no preference.</param>
/// <param name="GroupEpoch">The group epoch after the event.</param>
internal sealed record MemberJoined(
    string Member, long Epoch, long Since, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor, long GroupEpoch) : GroupEvent
{
    /// <summary>Who it is, when it is one that says what it has; null for one that polls.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConsumerMember? Consumer { get; init; }
}

/// <summary>A member came back in another process. The new process keeps the partitions, and the old one is fenced.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Epoch">Its new epoch.</param>
internal sealed record MemberRestarted(string Member, long Epoch) : GroupEvent
{
    /// <summary>Who it is by now, when it is one that says what it has; null for one that polls.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConsumerMember? Consumer { get; init; }
}

/// <summary>A member changed its subscription, lease or assignor.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Topics">The names that it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor that it asks for; null for no preference.</param>
/// <param name="GroupEpoch">The group epoch after the event.</param>
internal sealed record MemberChanged(
    string Member, ImmutableSortedSet<string> Topics, int LeaseMs, string? Assignor, long GroupEpoch) : GroupEvent
{
    /// <summary>Who it is by now; null when that is the same.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConsumerMember? Consumer { get; init; }
}

/// <summary>A member left, or its lease ended. Its partitions are free.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="AtMs">When, in milliseconds since the Unix epoch.</param>
/// <param name="GroupEpoch">The group epoch after the event.</param>
internal sealed record MemberLeft(string Member, long AtMs, long GroupEpoch) : GroupEvent;

/// <summary>A new assignment: the partitions that each member is to have.</summary>
/// <param name="GroupEpoch">The group epoch for which it was made.</param>
/// <param name="Targets">The partitions of each member; a member that is not listed has none.</param>
internal sealed record TargetAssigned(long GroupEpoch, ImmutableArray<MemberTarget> Targets) : GroupEvent;

/// <summary>The partitions that a member is to have.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Partitions">Its partitions.</param>
internal sealed record MemberTarget(string Member, PartitionSet Partitions);

/// <summary>A member's partitions changed to these. Its other partitions are free.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Epoch">Its new epoch.</param>
/// <param name="Partitions">All its partitions.</param>
internal sealed record AssignmentChanged(string Member, long Epoch, PartitionSet Partitions) : GroupEvent
{
    /// <summary>Those of its partitions that it was asked to let go of; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PartitionSet? Revoking { get; init; }
}

/// <summary>Offsets moved forward.</summary>
/// <param name="Offsets">The offsets.</param>
internal sealed record OffsetsCommitted(ImmutableArray<CommittedOffset> Offsets) : GroupEvent;

/// <summary>A person set offsets, forward or back; or an offset beyond the end of its log was replaced.</summary>
/// <param name="Offsets">The offsets.</param>
internal sealed record OffsetsReset(ImmutableArray<CommittedOffset> Offsets) : GroupEvent;

/// <summary>Offsets were forgotten.</summary>
/// <param name="Partitions">The partitions whose offsets were forgotten.</param>
internal sealed record OffsetsRemoved(PartitionSet Partitions) : GroupEvent;

/// <summary>The group's retry policy changed.</summary>
/// <param name="Policy">The new policy.</param>
/// <param name="GroupEpoch">The group epoch after the event. It grows because members also read the topics in which records wait.</param>
internal sealed record RetryChanged(RetryPolicy Policy, long GroupEpoch) : GroupEvent;

/// <summary>A redrive of dead letters began, advanced or ended.</summary>
/// <param name="Redrive">The state of the redrive.</param>
internal sealed record RedriveChanged(Redrive Redrive) : GroupEvent;

/// <summary>The records of a partition that wait in place changed to these.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Holds">The records, by offset.</param>
internal sealed record HoldsChanged(TopicPartition Partition, ImmutableArray<HeldRecord> Holds) : GroupEvent;

/// <summary>The members of the classic protocol are now these.</summary>
/// <param name="Generation">Their generation.</param>
/// <param name="AtMs">When, in milliseconds since the Unix epoch.</param>
internal sealed record ClassicChanged(ClassicGeneration Generation, long AtMs) : GroupEvent;

/// <summary>The group was deleted with everything it stored.</summary>
internal sealed record GroupDeleted : GroupEvent;

/// <summary>A committed offset.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The next offset to read.</param>
/// <param name="Metadata">A text that the committer keeps with the offset.</param>
/// <param name="AtMs">When it was committed, in milliseconds since the Unix epoch.</param>
internal sealed record CommittedOffset(Guid TopicId, int Partition, long Offset, string Metadata, long AtMs)
{
    /// <summary>The offset's partition.</summary>
    [JsonIgnore]
    public TopicPartition Place => new(TopicId, Partition);
}
