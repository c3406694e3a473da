using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>What a group of the classic protocol is doing. Names and meanings are those of Kafka's <c>ClassicGroupState</c>.</summary>
internal enum ClassicPhase
{
    /// <summary>It has no members.</summary>
    Empty,

    /// <summary>Its members are to join the next generation.</summary>
    PreparingRebalance,

    /// <summary>A generation has begun, and its leader is to say who reads what.</summary>
    CompletingRebalance,

    /// <summary>Everyone was told, or can ask, what it reads.</summary>
    Stable,
}

/// <summary>
/// What is durable of the members of the classic protocol. It is written when a generation begins, when its leader has assigned, and when a member
/// goes.
/// </summary>
/// <param name="Number">The generation; 0 before the first. It only grows.</param>
/// <param name="Phase">What the group was doing.</param>
/// <param name="ProtocolType">What kind of group it is, as its members say: <c>consumer</c> for consumers.</param>
/// <param name="Protocol">The assignor that the members of the generation agree on; null without a generation.</param>
/// <param name="Leader">The member that assigns; null when there is none.</param>
/// <param name="Members">The members, in the order in which they came.</param>
internal sealed record ClassicGeneration(
    int Number, ClassicPhase Phase, string? ProtocolType, string? Protocol, string? Leader, ImmutableArray<ClassicMember> Members);

/// <summary>A member of the classic protocol.</summary>
/// <param name="Id">Its id, which the group gave it.</param>
/// <param name="InstanceId">The id that it chose itself and comes back under (KIP-345); null when it chose none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joined from.</param>
/// <param name="SessionMs">How long it may be silent, in milliseconds.</param>
/// <param name="RebalanceMs">How long it may take to join the next generation, in milliseconds.</param>
/// <param name="Protocols">The assignors that it knows, the one that it prefers first.</param>
/// <param name="Assignment">What the leader assigned to it, in bytes that only clients read; empty for nothing.</param>
internal sealed record ClassicMember(
    string Id, string? InstanceId, string ClientId, string ClientHost, int SessionMs, int RebalanceMs,
    ImmutableArray<ClassicProtocol> Protocols, ReadOnlyMemory<byte> Assignment);

/// <summary>An assignor that a member knows.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Metadata">What the member tells the assignor, in bytes that only clients read.</param>
internal sealed record ClassicProtocol(string Name, ReadOnlyMemory<byte> Metadata);
