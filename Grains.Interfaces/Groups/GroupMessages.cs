using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>What the group told a member last. By it the group recognizes the member's process.</summary>
/// <param name="GroupId">The group's random id. A group that is deleted and created again has another one.</param>
/// <param name="Epoch">The member epoch.</param>
[GenerateSerializer, Immutable, Alias("os.MemberToken")]
public readonly record struct MemberToken(
    [property: Id(0)] Guid GroupId,
    [property: Id(1)] long Epoch);

/// <summary>The next offset to read of a partition.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The offset.</param>
/// <param name="Metadata">A text that is kept with the offset; null for none.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionOffset")]
public readonly record struct PartitionOffset(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] string? Metadata = null)
{
    /// <summary>
    /// Null for an ordinary commit, which only moves the offset forward. Otherwise the committed offset that this one replaces, because a leader said
    /// that it lies beyond the end of the log. A replacement may move the offset back, but only while the replaced offset is still the committed one.
    /// </summary>
    [Id(4)] public long? InPlaceOf { get; init; }
}

/// <summary>A member's poll, without the records.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Topics">The names that it subscribes to; some may not exist yet.</param>
/// <param name="Token">What the group told the member last; null when its process has just started.</param>
/// <param name="Commits">The offsets up to which it is done.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="Assignor">The assignor that it asks for; null for no preference.</param>
/// <param name="HasFailed">True when records of the poll have failed, so that the topics in which they wait may be new.</param>
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
    /// <summary>The changes to the records that wait in place.</summary>
    [Id(7)] public ImmutableArray<PartitionHolds> Holds { get; init; } = [];

    /// <summary>True to refuse the poll when the member has left or the group was deleted; false to join then.</summary>
    [Id(8)] public bool NeverJoins { get; init; }

    /// <summary>True to leave the member's partitions as they are, because it still works on them.</summary>
    [Id(9)] public bool KeepsPartitions { get; init; }
}

/// <summary>The state of a member, which is durable.</summary>
/// <param name="Error">Why nothing was committed; null when everything was. A stale member goes on from this answer.</param>
/// <param name="Token">
/// By this the group recognizes the member's next poll; null when it is not a member, or another process has taken its place.
/// </param>
/// <param name="LeaseLeftMs">The rest of its lease, in milliseconds.</param>
/// <param name="Assignment">Its partitions, by topic and partition.</param>
/// <param name="Retry">The group's retry policy; null when it has none.</param>
[GenerateSerializer, Immutable, Alias("os.GroupMemberResponse")]
public sealed record GroupMemberResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] MemberToken? Token,
    [property: Id(2)] long LeaseLeftMs,
    [property: Id(3)] ImmutableArray<AssignedPartition> Assignment,
    [property: Id(4)] GroupRetryPolicy? Retry = null)
{
    /// <summary>The names that the member subscribes to and that no topic has.</summary>
    [Id(5)] public ImmutableArray<string> UnknownTopics { get; init; } = [];
}

/// <summary>A partition that a member has.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">Its id. Another topic of the name is not meant.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="CommittedOffset">The next offset to read; -1 when none was ever committed.</param>
[GenerateSerializer, Immutable, Alias("os.AssignedPartition")]
public readonly record struct AssignedPartition(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long CommittedOffset)
{
    /// <summary>The records below the committed offset that wait in place, by offset.</summary>
    [Id(4)] public ImmutableArray<HeldOffset> Holds { get; init; } = [];

    /// <summary>
    /// True when the partition is newer than the group. Without a committed offset it is read from its start, whatever the policy is.
    /// </summary>
    [Id(5)] public bool IsNew { get; init; }
}

/// <summary>The result of a wait for news.</summary>
/// <param name="HasNews">True when the member should poll: it is to give up partitions or can take some on, or it is no longer a member.</param>
/// <param name="LeaseLeftMs">The rest of its lease, in milliseconds.</param>
[GenerateSerializer, Immutable, Alias("os.GroupWaitResponse")]
public readonly record struct GroupWaitResponse(
    [property: Id(0)] bool HasNews,
    [property: Id(1)] long LeaseLeftMs)
{
    /// <summary>
    /// Set when the member left, its lease ended, or another process took its place. Nothing may then be done in the member's name.
    /// </summary>
    [Id(2)] public StreamError? Error { get; init; }
}

/// <summary>A description of a group, for people. Nothing is decided by it.</summary>
/// <param name="GroupId">The group's random id.</param>
/// <param name="Phase">Empty, Assigning, Reconciling or Stable.</param>
/// <param name="GroupEpoch">Grows with every change that needs a new assignment.</param>
/// <param name="Assignor">The assignor in use.</param>
/// <param name="Members">The members in ordinal order.</param>
/// <param name="Offsets">The committed offsets, by topic name and partition.</param>
/// <param name="Retry">The group's retry policy; null when it has none.</param>
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
    /// <summary>The names that members subscribe to and that no topic has.</summary>
    [Id(7)] public ImmutableArray<string> UnknownTopics { get; init; } = [];

    /// <summary>The group's side of the classic protocol; null when nobody ever joined by it.</summary>
    [Id(8)] public ClassicDescription? Classic { get; init; }

    /// <summary>True while its members assign partitions among themselves.</summary>
    public bool IsClassic => Classic is { Members.IsEmpty: false };
}

/// <summary>A description of a member.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Topics">The names that it subscribes to.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
/// <param name="LeaseLeftMs">The rest of its lease, in milliseconds.</param>
/// <param name="Assigned">The partitions that it has.</param>
/// <param name="Target">The partitions that it is to have.</param>
[GenerateSerializer, Immutable, Alias("os.MemberDescription")]
public sealed record MemberDescription(
    [property: Id(0)] string Member,
    [property: Id(1)] long Epoch,
    [property: Id(2)] ImmutableArray<string> Topics,
    [property: Id(3)] int LeaseMs,
    [property: Id(4)] long LeaseLeftMs,
    [property: Id(5)] ImmutableArray<AssignedPartition> Assigned,
    [property: Id(6)] ImmutableArray<AssignedPartition> Target)
{
    /// <summary>The id that it chose itself and comes back under; null for none.</summary>
    [Id(7)] public string? InstanceId { get; init; }

    /// <summary>What its program calls itself; null when that is not known.</summary>
    [Id(8)] public string? ClientId { get; init; }

    /// <summary>The address that it joined from; null when that is not known.</summary>
    [Id(9)] public string? ClientHost { get; init; }

    /// <summary>The regular expression over topics' names that it subscribes to; null for none.</summary>
    [Id(10)] public string? Pattern { get; init; }

    /// <summary>The topics that match its expression.</summary>
    [Id(11)] public ImmutableArray<string> Matched { get; init; } = [];
}

/// <summary>A committed offset.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The next offset to read.</param>
/// <param name="Metadata">The text that is kept with the offset.</param>
/// <param name="CommittedAt">When it was committed.</param>
[GenerateSerializer, Immutable, Alias("os.GroupOffset")]
public sealed record GroupOffset(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long Offset,
    [property: Id(4)] string Metadata,
    [property: Id(5)] DateTimeOffset CommittedAt);

/// <summary>A page of the list of groups, in ordinal order of names.</summary>
/// <param name="Groups">The groups.</param>
/// <param name="NextAfter">The value of <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("os.GroupPage")]
public sealed record GroupPage(
    [property: Id(0)] ImmutableArray<GroupEntry> Groups,
    [property: Id(1)] string? NextAfter);

/// <summary>One group of the catalogue.</summary>
/// <param name="Name">The group's name.</param>
/// <param name="CreatedAt">When a member first joined, or offsets were first set.</param>
[GenerateSerializer, Immutable, Alias("os.GroupEntry")]
public sealed record GroupEntry(
    [property: Id(0)] string Name,
    [property: Id(1)] DateTimeOffset CreatedAt);
