using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>By which a member of a group is known in a generation, or under an epoch.</summary>
/// <param name="Member">Its id; empty for a caller that is no member.</param>
/// <param name="InstanceId">The id that it chose itself and comes back under (KIP-345); null for none.</param>
/// <param name="Generation">The generation, or the member epoch; below 0 for a caller that is no member.</param>
[GenerateSerializer, Immutable, Alias("os.GroupClaim")]
public readonly record struct GroupClaim(
    [property: Id(0)] string Member,
    [property: Id(1)] string? InstanceId,
    [property: Id(2)] int Generation);

/// <summary>An assignor that a member knows.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Metadata">What the member tells it, in bytes that only clients read.</param>
[GenerateSerializer, Immutable, Alias("os.AssignorOffer")]
public readonly record struct AssignorOffer(
    [property: Id(0)] string Name,
    [property: Id(1)] ReadOnlyMemory<byte> Metadata);

/// <summary>A wish to be in a group's next generation.</summary>
/// <param name="Member">The id that the group gave the member; empty when it has none yet.</param>
/// <param name="NewMember">The id that it is given when it has none; no other member has it.</param>
/// <param name="InstanceId">The id that it chose itself and comes back under; null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joins from.</param>
/// <param name="SessionMs">How long it may be silent, in milliseconds.</param>
/// <param name="RebalanceMs">How long it may take to join, in milliseconds.</param>
/// <param name="ProtocolType">What kind of group it wants, such as <see cref="ConsumerProtocol.Type"/>.</param>
/// <param name="Assignors">The assignors that it knows, the one that it prefers first.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicJoinRequest")]
public sealed record ClassicJoinRequest(
    [property: Id(0)] string Member,
    [property: Id(1)] string NewMember,
    [property: Id(2)] string? InstanceId,
    [property: Id(3)] string ClientId,
    [property: Id(4)] string ClientHost,
    [property: Id(5)] int SessionMs,
    [property: Id(6)] int RebalanceMs,
    [property: Id(7)] string ProtocolType,
    [property: Id(8)] ImmutableArray<AssignorOffer> Assignors)
{
    /// <summary>True when a member without an id is only given one, and comes again with it (KIP-394).</summary>
    [Id(9)] public bool RequiresId { get; init; }

    /// <summary>True when a leader may be told to leave the assignment as it is (KIP-814).</summary>
    [Id(10)] public bool MaySkipAssignment { get; init; }
}

/// <summary>What a member that wants to join is told.</summary>
/// <param name="Error">Why it is not in the generation; null when it is, or waits.</param>
/// <param name="Member">Its id, by which it asks again; empty when it is none.</param>
/// <param name="Generation">The generation; -1 when it is in none.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Assignor">The assignor of the generation.</param>
/// <param name="Leader">The member that assigns.</param>
/// <param name="Members">For the leader all members, each with what it tells the assignor; empty for the others.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicJoinResponse")]
public sealed record ClassicJoinResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] string Member,
    [property: Id(2)] int Generation,
    [property: Id(3)] string? ProtocolType,
    [property: Id(4)] string? Assignor,
    [property: Id(5)] string Leader,
    [property: Id(6)] ImmutableArray<GenerationMember> Members)
{
    /// <summary>True when the leader leaves the assignment as it is.</summary>
    [Id(7)] public bool SkipAssignment { get; init; }

    /// <summary>
    /// True when the generation has not begun yet. The member keeps its place for as long as its session lasts, and asks again under its id.
    /// </summary>
    [Id(8)] public bool IsWaiting { get; init; }
}

/// <summary>A member of a generation, as its leader sees it.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Metadata">What it tells the assignor.</param>
[GenerateSerializer, Immutable, Alias("os.GenerationMember")]
public readonly record struct GenerationMember(
    [property: Id(0)] string Member,
    [property: Id(1)] string? InstanceId,
    [property: Id(2)] ReadOnlyMemory<byte> Metadata);

/// <summary>A wish to hear what a member reads; the leader's says what everyone reads.</summary>
/// <param name="Claim">By which the member is known.</param>
/// <param name="ProtocolType">What it takes for the kind of group; null when it does not say.</param>
/// <param name="Assignor">What it takes for the assignor; null when it does not say.</param>
/// <param name="Assignments">From the leader what each member reads; empty from the others.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicSyncRequest")]
public sealed record ClassicSyncRequest(
    [property: Id(0)] GroupClaim Claim,
    [property: Id(1)] string? ProtocolType,
    [property: Id(2)] string? Assignor,
    [property: Id(3)] ImmutableArray<ClassicAssignment> Assignments);

/// <summary>What a leader assigned to a member.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Assignment">The assignment, in bytes that only clients read.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicAssignment")]
public readonly record struct ClassicAssignment(
    [property: Id(0)] string Member,
    [property: Id(1)] ReadOnlyMemory<byte> Assignment);

/// <summary>What a member reads.</summary>
/// <param name="Error">Why it is not told; null when it is, or waits.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Assignor">The assignor of the generation.</param>
/// <param name="Assignment">What the leader assigned to it.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicSyncResponse")]
public sealed record ClassicSyncResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] string? ProtocolType,
    [property: Id(2)] string? Assignor,
    [property: Id(3)] ReadOnlyMemory<byte> Assignment)
{
    /// <summary>True when the leader has not assigned yet. The member asks again.</summary>
    [Id(4)] public bool IsWaiting { get; init; }
}

/// <summary>A member that leaves.</summary>
/// <param name="Member">Its id; empty when only the one that it chose itself is known.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
[GenerateSerializer, Immutable, Alias("os.GroupLeaver")]
public readonly record struct GroupLeaver(
    [property: Id(0)] string Member,
    [property: Id(1)] string? InstanceId);

/// <summary>The next offset to be read of a partition, by the topic's name.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The offset; below 0 for none.</param>
/// <param name="Metadata">What the committer wants to remember with it; null for nothing.</param>
[GenerateSerializer, Immutable, Alias("os.NamedPartitionOffset")]
public readonly record struct NamedPartitionOffset(
    [property: Id(0)] string Topic,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] string? Metadata);

/// <summary>What came of a commit.</summary>
/// <param name="Error">Why nothing was committed; null when each offset was judged by itself.</param>
/// <param name="Errors">Per offset null, or why it was not kept.</param>
[GenerateSerializer, Immutable, Alias("os.GroupCommitResponse")]
public sealed record GroupCommitResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] ImmutableArray<StreamError?> Errors);

/// <summary>The classic protocol's side of a group.</summary>
/// <param name="State">Empty, PreparingRebalance, CompletingRebalance or Stable.</param>
/// <param name="Generation">The generation.</param>
/// <param name="ProtocolType">What kind of group it is; null when nobody has said.</param>
/// <param name="Assignor">The assignor of the generation; null when there is none.</param>
/// <param name="Members">The members, in the order in which they came.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicDescription")]
public sealed record ClassicDescription(
    [property: Id(0)] string State,
    [property: Id(1)] int Generation,
    [property: Id(2)] string? ProtocolType,
    [property: Id(3)] string? Assignor,
    [property: Id(4)] ImmutableArray<ClassicMemberDescription> Members);

/// <summary>A member of the classic protocol.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joined from.</param>
/// <param name="Metadata">What it tells the assignor of the generation.</param>
/// <param name="Assignment">What the leader assigned to it.</param>
[GenerateSerializer, Immutable, Alias("os.ClassicMemberDescription")]
public sealed record ClassicMemberDescription(
    [property: Id(0)] string Member,
    [property: Id(1)] string? InstanceId,
    [property: Id(2)] string ClientId,
    [property: Id(3)] string ClientHost,
    [property: Id(4)] ReadOnlyMemory<byte> Metadata,
    [property: Id(5)] ReadOnlyMemory<byte> Assignment);
