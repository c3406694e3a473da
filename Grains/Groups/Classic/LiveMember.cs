using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>A member of the classic protocol, with the calls that wait in its name.</summary>
/// <param name="id">Its id.</param>
/// <param name="instanceId">The id that it chose itself; null for none.</param>
internal sealed class LiveMember(string id, string? instanceId)
{
    /// <summary>Its id.</summary>
    public string Id { get; } = id;

    /// <summary>The id that it chose itself and comes back under; null for none.</summary>
    public string? InstanceId { get; } = instanceId;

    /// <summary>What its program calls itself.</summary>
    public string ClientId { get; private set; } = "";

    /// <summary>The address that it joined from.</summary>
    public string ClientHost { get; private set; } = "";

    /// <summary>How long it may be silent, in milliseconds.</summary>
    public int SessionMs { get; private set; }

    /// <summary>How long it may take to join, in milliseconds.</summary>
    public int RebalanceMs { get; private set; }

    /// <summary>The assignors that it knows, the one that it prefers first.</summary>
    public ImmutableArray<ClassicProtocol> Protocols { get; private set; } = [];

    /// <summary>What the leader assigned to it.</summary>
    public ReadOnlyMemory<byte> Assignment { get; set; }

    /// <summary>True once it has joined the generation that is being prepared.</summary>
    public bool HasJoined { get; set; }

    /// <summary>True once it has asked what it reads.</summary>
    public bool HasSynced { get; set; }

    /// <summary>The join that waits; null when none does.</summary>
    public long? JoinTicket { get; set; }

    /// <summary>The sync that waits; null when none does.</summary>
    public long? SyncTicket { get; set; }

    /// <summary>True while a call waits in its name: it cannot say that it lives, and need not.</summary>
    public bool IsWaiting => JoinTicket is not null || SyncTicket is not null;

    /// <summary>The bytes that it tells assignors.</summary>
    public int Bytes => Protocols.Sum(protocol => protocol.Metadata.Length);

    /// <summary>Takes over what a join says.</summary>
    /// <param name="command">The join.</param>
    public void Update(JoinCommand command)
    {
        ClientId = command.ClientId;
        ClientHost = command.ClientHost;
        SessionMs = command.SessionMs;
        RebalanceMs = Math.Clamp(command.RebalanceMs, ClassicLimits.SessionMsMin, ClassicLimits.RebalanceMsMax);
        Protocols = command.Protocols;
    }

    /// <summary>True when a join says nothing new to assignors.</summary>
    /// <param name="protocols">The assignors that it names.</param>
    public bool Matches(ImmutableArray<ClassicProtocol> protocols) => Protocols.Length == protocols.Length
        && Protocols.Zip(protocols)
            .All(pair => pair.First.Name == pair.Second.Name && pair.First.Metadata.Span.SequenceEqual(pair.Second.Metadata.Span));

    /// <summary>What it tells an assignor.</summary>
    /// <param name="protocol">The assignor's name.</param>
    public ReadOnlyMemory<byte> MetadataOf(string? protocol) => Protocols.FirstOrDefault(known => known.Name == protocol)?.Metadata ?? default;

    /// <summary>The member as it is stored.</summary>
    public ClassicMember ToStored() => new(Id, InstanceId, ClientId, ClientHost, SessionMs, RebalanceMs, Protocols, Assignment);

    /// <summary>The member that was stored.</summary>
    /// <param name="stored">The stored member.</param>
    /// <param name="hasSynced">True when all members of the generation had their assignments, or could ask for them.</param>
    public static LiveMember Of(ClassicMember stored, bool hasSynced) => new(stored.Id, stored.InstanceId)
    {
        ClientId = stored.ClientId,
        ClientHost = stored.ClientHost,
        SessionMs = stored.SessionMs,
        RebalanceMs = stored.RebalanceMs,
        Protocols = stored.Protocols,
        Assignment = stored.Assignment,
        HasSynced = hasSynced,
    };
}
