using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of JoinGroup, versions 2 to 9: a wish to be in a group's next generation.</summary>
/// <param name="Group">The group.</param>
/// <param name="SessionMs">How long the member may be silent, in milliseconds.</param>
/// <param name="RebalanceMs">How long it may take to join, in milliseconds.</param>
/// <param name="Member">The id that the group gave it; empty when it has none.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="ProtocolType">What kind of group it wants.</param>
/// <param name="Protocols">The assignors that it knows, the one that it prefers first.</param>
/// <remarks>
/// From version 4 on a member comes in two steps (KIP-394); 5 adds instance ids, 8 reasons, 9 lets a leader skip the assignment; 6 is the first
/// flexible one.
/// </remarks>
internal sealed record JoinGroupRequest(
    string Group, int SessionMs, int RebalanceMs, string Member, string? InstanceId, string ProtocolType, JoinGroupProtocol[] Protocols)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.JoinGroup, Min: 2, Max: 9, FirstFlexible: 6);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static JoinGroupRequest Read(WireReader reader, short version)
    {
        var group = reader.ReadString();
        var sessionMs = reader.ReadInt32();
        var rebalanceMs = reader.ReadInt32();
        var member = reader.ReadString();
        var instanceId = version >= 5 ? reader.ReadNullableString() : null;
        var protocolType = reader.ReadString();
        var protocols = new JoinGroupProtocol[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < protocols.Length; i++)
        {
            protocols[i] = new JoinGroupProtocol(reader.ReadString(), reader.ReadBytes());
            reader.SkipTags();
        }

        if (version >= 8)
            reader.ReadNullableString(); // reason
        reader.SkipTags();
        return new JoinGroupRequest(group, sessionMs, rebalanceMs, member, instanceId, protocolType, protocols);
    }
}

/// <summary>An assignor that a member knows.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Metadata">What the member tells it. The bytes lie in the request.</param>
internal readonly record struct JoinGroupProtocol(string Name, ReadOnlyMemory<byte> Metadata);

/// <summary>A member of a generation, as its leader sees it.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Metadata">What it tells the assignor.</param>
internal readonly record struct JoinGroupMember(string Member, string? InstanceId, ReadOnlyMemory<byte> Metadata);

/// <summary>The answer to JoinGroup.</summary>
/// <param name="Error">Why the member is not in the generation.</param>
/// <param name="Member">The member's id.</param>
internal sealed record JoinGroupAnswer(KafkaError Error, string Member)
{
    /// <summary>The generation; -1 with an error.</summary>
    public int Generation { get; init; } = -1;

    /// <summary>What kind of group it is; null with an error.</summary>
    public string? ProtocolType { get; init; }

    /// <summary>The assignor; null with an error.</summary>
    public string? Protocol { get; init; }

    /// <summary>The member that assigns.</summary>
    public string Leader { get; init; } = "";

    /// <summary>True when the leader leaves the assignment as it is.</summary>
    public bool SkipAssignment { get; init; }

    /// <summary>For the leader all members; empty for the others.</summary>
    public IReadOnlyList<JoinGroupMember> Members { get; init; } = [];

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteInt32(Generation);
        if (version >= 7)
            answer.WriteString(ProtocolType);
        answer.WriteString(version >= 7 ? Protocol : Protocol ?? "");
        answer.WriteString(Leader);
        if (version >= 9)
            answer.WriteBoolean(SkipAssignment);
        answer.WriteString(Member);
        answer.WriteArrayLength(Members.Count);
        foreach (var member in Members)
        {
            answer.WriteString(member.Member);
            if (version >= 5)
                answer.WriteString(member.InstanceId);
            answer.WriteBytes(member.Metadata.Span);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
