using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>What was done with a call: its own answer, the calls that have waited long enough, and what changed.</summary>
/// <param name="Answer">The call's answer.</param>
/// <param name="Deliveries">
/// Answers of calls that waited, this one among them when it is a join or a sync. Nobody may see one before the events are durable.
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
/// <param name="NewMember">The id that it is given when it has none: no other member of any group has it.</param>
/// <param name="InstanceId">The id that it chose itself and comes back under (KIP-345); null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joins from.</param>
/// <param name="SessionMs">How long it may be silent, in milliseconds.</param>
/// <param name="RebalanceMs">How long it may take to join, in milliseconds.</param>
/// <param name="ProtocolType">What kind of group it wants.</param>
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
/// <param name="Refusal">Why it is not in the generation; null when it is.</param>
/// <param name="Member">Its id.</param>
/// <param name="Generation">The generation; -1 with a refusal.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Protocol">The assignor.</param>
/// <param name="Leader">The member that assigns.</param>
/// <param name="Members">For the leader all members, each with what it tells the assignor; empty for the others.</param>
internal sealed record JoinAnswer(
    GroupRefusal? Refusal, string Member, int Generation, string? ProtocolType, string? Protocol, string Leader, ImmutableArray<JoinedMember> Members)
{
    /// <summary>True when the leader shall leave the assignment as it is.</summary>
    public bool SkipAssignment { get; init; }
}

/// <summary>A member of a generation, as its leader sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Metadata">What it tells the assignor.</param>
internal readonly record struct JoinedMember(string Id, string? InstanceId, ReadOnlyMemory<byte> Metadata);

/// <summary>By which a member is known in a generation.</summary>
/// <param name="Member">Its id; empty for a caller that is no member.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Generation">The generation; below 0 for a caller that is no member.</param>
internal readonly record struct ClassicClaim(string Member, string? InstanceId, int Generation);

/// <summary>A wish to hear what the member reads; the leader's says what everyone reads.</summary>
/// <param name="Claim">By which the member is known.</param>
/// <param name="ProtocolType">What it takes for the kind of group; null when it does not say.</param>
/// <param name="Protocol">What it takes for the assignor; null when it does not say.</param>
/// <param name="Assignments">From the leader: what each member reads; empty from the others.</param>
internal sealed record SyncCommand(
    ClassicClaim Claim, string? ProtocolType, string? Protocol, ImmutableArray<KeyValuePair<string, ReadOnlyMemory<byte>>> Assignments);

/// <summary>What a member reads.</summary>
/// <param name="Refusal">Why it is not told; null when it is.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Protocol">The assignor.</param>
/// <param name="Assignment">What the leader assigned to it.</param>
internal sealed record SyncAnswer(GroupRefusal? Refusal, string? ProtocolType, string? Protocol, ReadOnlyMemory<byte> Assignment);

/// <summary>A member that leaves.</summary>
/// <param name="Member">Its id; empty when only the one it chose itself is known.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
internal readonly record struct ClassicLeaver(string Member, string? InstanceId);
