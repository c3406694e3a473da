using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>What a member was told last, by which the group knows it again.</summary>
/// <param name="GroupId">The group's random id: a group that was deleted and came back has another.</param>
/// <param name="Epoch">The member epoch.</param>
[GenerateSerializer, Immutable, Alias("os.MemberToken")]
public readonly record struct MemberToken(
    [property: Id(0)] Guid GroupId,
    [property: Id(1)] long Epoch);

/// <summary>The next offset to be read of a partition.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Metadata">What the committer wants to remember with it; null for nothing.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionOffset")]
public readonly record struct PartitionOffset(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] string? Metadata = null)
{
    /// <summary>
    /// The committed offset that this one takes the place of, as a leader said that it lies beyond the end of the log: also back, and only
    /// while that is the committed one. Null for a commit, which only goes forward.
    /// </summary>
    [Id(4)] public long? InPlaceOf { get; init; }
}

/// <summary>A poll, as far as the group is concerned. Records are not its business.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Topics">The names it subscribes to; some may not exist yet.</param>
/// <param name="Token">What it was told last; null when its process has just started.</param>
/// <param name="Commits">The offsets it is done with.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor it asks for; null for no preference.</param>
/// <param name="HasFailed">True when records of it have failed: the topics they wait in may be new.</param>
[GenerateSerializer, Immutable, Alias("os.GroupPollRequest")]
public sealed record GroupPollRequest(
    [property: Id(0)] string Member,
    [property: Id(1)] ImmutableArray<string> Topics,
    [property: Id(2)] MemberToken? Token,
    [property: Id(3)] ImmutableArray<PartitionOffset> Commits,
    [property: Id(4)] int LeaseMs,
    [property: Id(5)] string? Assignor = null,
    [property: Id(6)] bool HasFailed = false)
{
    /// <summary>The records that wait in place, or shall.</summary>
    [Id(7)] public ImmutableArray<PartitionHolds> Holds { get; init; } = [];

    /// <summary>True to be refused when the member has left, or the group was deleted; false to join then.</summary>
    [Id(8)] public bool NeverJoins { get; init; }

    /// <summary>True to leave the member's partitions as they are: it still works on them.</summary>
    [Id(9)] public bool KeepsPartitions { get; init; }
}

/// <summary>Where a member stands, durably.</summary>
/// <param name="Error">Why nothing was committed; null when all was. A stale member goes on from this answer.</param>
/// <param name="Token">By which it is known again; null when it is no member, or another process took its place.</param>
/// <param name="LeaseLeftMs">What is left of its lease, in milliseconds.</param>
/// <param name="Assignment">Its partitions, by topic and partition.</param>
/// <param name="Retry">What becomes of records that fail; null when the group has no policy.</param>
[GenerateSerializer, Immutable, Alias("os.GroupMemberResponse")]
public sealed record GroupMemberResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] MemberToken? Token,
    [property: Id(2)] long LeaseLeftMs,
    [property: Id(3)] ImmutableArray<AssignedPartition> Assignment,
    [property: Id(4)] GroupRetryPolicy? Retry = null)
{
    /// <summary>The names that the member asks for and that no topic has.</summary>
    [Id(5)] public ImmutableArray<string> UnknownTopics { get; init; } = [];
}

/// <summary>A partition that a member has.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">Its id: only that topic is meant.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="CommittedOffset">The next offset to be read, or -1 when none was ever committed.</param>
[GenerateSerializer, Immutable, Alias("os.AssignedPartition")]
public readonly record struct AssignedPartition(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long CommittedOffset)
{
    /// <summary>The records below it that wait in place, by offset.</summary>
    [Id(4)] public ImmutableArray<HeldOffset> Holds { get; init; } = [];

    /// <summary>True when it came after the group did: without a committed offset it is read from its start, whatever the policy.</summary>
    [Id(5)] public bool IsNew { get; init; }
}

/// <summary>What a wait for news gave.</summary>
/// <param name="HasNews">True when the member should poll: partitions are to be given up, or can be taken on, or it is none any more.</param>
/// <param name="LeaseLeftMs">What is left of its lease, in milliseconds.</param>
[GenerateSerializer, Immutable, Alias("os.GroupWaitResponse")]
public readonly record struct GroupWaitResponse(
    [property: Id(0)] bool HasNews,
    [property: Id(1)] long LeaseLeftMs)
{
    /// <summary>Set when the member left, its lease ended, or another process took its place: nothing may be done in its name any more.</summary>
    [Id(2)] public StreamError? Error { get; init; }
}

/// <summary>A group as it is. It is shown to people; nothing is decided by it.</summary>
/// <param name="GroupId">The group's random id.</param>
/// <param name="Phase">Empty, Assigning, Reconciling or Stable.</param>
/// <param name="GroupEpoch">Grows with every change that asks for a new assignment.</param>
/// <param name="Assignor">The assignor in use.</param>
/// <param name="Members">The members in ordinal order.</param>
/// <param name="Offsets">The committed offsets, by topic name and partition.</param>
/// <param name="Retry">What becomes of records that fail; null when the group has no policy.</param>
[GenerateSerializer, Immutable, Alias("os.GroupDescription")]
public sealed record GroupDescription(
    [property: Id(0)] Guid GroupId,
    [property: Id(1)] string Phase,
    [property: Id(2)] long GroupEpoch,
    [property: Id(3)] string Assignor,
    [property: Id(4)] ImmutableArray<MemberDescription> Members,
    [property: Id(5)] ImmutableArray<GroupOffset> Offsets,
    [property: Id(6)] GroupRetryPolicy? Retry = null)
{
    /// <summary>The names that members ask for and that no topic has.</summary>
    [Id(7)] public ImmutableArray<string> UnknownTopics { get; init; } = [];
}

/// <summary>A member as it is.</summary>
/// <param name="Member">Its id.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Topics">The names it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="LeaseLeftMs">What is left of it, in milliseconds.</param>
/// <param name="Assigned">The partitions it has.</param>
/// <param name="Target">The partitions it shall have.</param>
[GenerateSerializer, Immutable, Alias("os.MemberDescription")]
public sealed record MemberDescription(
    [property: Id(0)] string Member,
    [property: Id(1)] long Epoch,
    [property: Id(2)] ImmutableArray<string> Topics,
    [property: Id(3)] int LeaseMs,
    [property: Id(4)] long LeaseLeftMs,
    [property: Id(5)] ImmutableArray<AssignedPartition> Assigned,
    [property: Id(6)] ImmutableArray<AssignedPartition> Target);

/// <summary>A committed offset.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">Its id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The next offset to be read.</param>
/// <param name="Metadata">What was to be remembered with it.</param>
/// <param name="CommittedAt">When it was committed.</param>
[GenerateSerializer, Immutable, Alias("os.GroupOffset")]
public sealed record GroupOffset(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long Offset,
    [property: Id(4)] string Metadata,
    [property: Id(5)] DateTimeOffset CommittedAt);

/// <summary>A page of the groups there are, in ordinal order of names.</summary>
/// <param name="Groups">The groups.</param>
/// <param name="NextAfter">Give this as <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("os.GroupPage")]
public sealed record GroupPage(
    [property: Id(0)] ImmutableArray<GroupEntry> Groups,
    [property: Id(1)] string? NextAfter);

/// <summary>One group of the catalogue.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="CreatedAt">When it was first joined or given offsets.</param>
[GenerateSerializer, Immutable, Alias("os.GroupEntry")]
public sealed record GroupEntry(
    [property: Id(0)] string Name,
    [property: Id(1)] DateTimeOffset CreatedAt);
