using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>The result of a step: the answer of the call, the answers of calls that waited, and the events.</summary>
/// <param name="Answer">The call's answer.</param>
/// <param name="Deliveries">
/// Answers of calls that waited; a join or a sync may itself be among them. Nobody may see one before the events are durable.
/// </param>
/// <param name="Events">What was applied, in order.</param>
internal readonly record struct ClassicStep<T>(T Answer, ImmutableArray<ClassicDelivery> Deliveries, ImmutableArray<GroupEvent> Events);

/// <summary>The answer of a call that waited.</summary>
/// <param name="Ticket">The number that the call came with.</param>
internal abstract record ClassicDelivery(long Ticket);

/// <summary>The answer of a join.</summary>
/// <param name="Ticket">The number that the call came with.</param>
/// <param name="Answer">The answer.</param>
internal sealed record JoinDelivery(long Ticket, JoinAnswer Answer) : ClassicDelivery(Ticket);

/// <summary>The answer of a sync.</summary>
/// <param name="Ticket">The number that the call came with.</param>
/// <param name="Answer">The answer.</param>
internal sealed record SyncDelivery(long Ticket, SyncAnswer Answer) : ClassicDelivery(Ticket);

/// <summary>A wish to be in the next generation.</summary>
/// <param name="Member">The id that the group gave the member; empty when it has none yet.</param>
/// <param name="NewMember">The id that it gets when it has none. No other member of any group has it.</param>
/// <param name="InstanceId">The id that it chose itself, and under which it comes back (KIP-345); null for none.</param>
/// <param name="ClientId">The name of its program.</param>
/// <param name="ClientHost">The address that it joins from.</param>
/// <param name="SessionMs">How long it may be silent, in milliseconds.</param>
/// <param name="RebalanceMs">How long it may take to join, in milliseconds.</param>
/// <param name="ProtocolType">The kind of group that it expects.</param>
/// <param name="Protocols">The assignors that it knows, the one that it prefers first.</param>
internal sealed record JoinCommand(
    string Member, string NewMember, string? InstanceId, string ClientId, string ClientHost, int SessionMs, int RebalanceMs,
    string ProtocolType, ImmutableArray<ClassicProtocol> Protocols)
{
    /// <summary>True when a member without an id is only given one, and has to come again with it (KIP-394).</summary>
    public bool RequiresId { get; init; }

    /// <summary>True when a leader may be told to leave the assignment as it is (KIP-814).</summary>
    public bool MaySkipAssignment { get; init; }
}

/// <summary>What a member that joined is told.</summary>
/// <param name="Refusal">Why the member is not in the generation; null when it is.</param>
/// <param name="Member">The member's id.</param>
/// <param name="Generation">The generation; -1 with a refusal.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Protocol">The assignor.</param>
/// <param name="Leader">The member that assigns.</param>
/// <param name="Members">For the leader all members, each with its metadata; empty for the others.</param>
internal sealed record JoinAnswer(
    GroupRefusal? Refusal, string Member, int Generation, string? ProtocolType, string? Protocol, string Leader, ImmutableArray<JoinedMember> Members)
{
    /// <summary>True when the leader shall leave the assignment as it is.</summary>
    public bool SkipAssignment { get; init; }
}

/// <summary>A member of a generation, as its leader sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Metadata">Its metadata for the assignor.</param>
internal readonly record struct JoinedMember(string Id, string? InstanceId, ReadOnlyMemory<byte> Metadata);

/// <summary>The claim of a caller to be a member of a generation.</summary>
/// <param name="Member">Its id; empty for a caller that is no member.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Generation">The generation; below 0 for a caller that is no member.</param>
internal readonly record struct ClassicClaim(string Member, string? InstanceId, int Generation);

/// <summary>A call for the member's assignment (SyncGroup). The leader's call brings the assignments of all members.</summary>
/// <param name="Claim">The member's claim.</param>
/// <param name="ProtocolType">The kind of group that the member expects; null when it does not say.</param>
/// <param name="Protocol">The assignor that the member expects; null when it does not say.</param>
/// <param name="Assignments">From the leader the assignment of each member; empty from the others.</param>
internal sealed record SyncCommand(
    ClassicClaim Claim, string? ProtocolType, string? Protocol, ImmutableArray<KeyValuePair<string, ReadOnlyMemory<byte>>> Assignments);

/// <summary>What a member reads.</summary>
/// <param name="Refusal">Why there is no assignment; null when there is one.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Protocol">The assignor.</param>
/// <param name="Assignment">What the leader assigned to it.</param>
internal sealed record SyncAnswer(GroupRefusal? Refusal, string? ProtocolType, string? Protocol, ReadOnlyMemory<byte> Assignment);

/// <summary>A member that leaves.</summary>
/// <param name="Member">Its id; empty when only the one it chose itself is known.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
internal readonly record struct ClassicLeaver(string Member, string? InstanceId);
