using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of SyncGroup, versions 0 to 5: a wish to hear what a member reads; the leader's says what everyone reads.</summary>
/// <param name="Group">The group.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="ProtocolType">What it takes for the kind of group; null when it does not say.</param>
/// <param name="Protocol">What it takes for the assignor; null when it does not say.</param>
/// <param name="Assignments">From the leader what each member reads.</param>
/// <remarks>Version 3 adds instance ids, 5 what was agreed on; 4 is the first flexible one.</remarks>
internal sealed record SyncGroupRequest(
    string Group, int Generation, string Member, string? InstanceId, string? ProtocolType, string? Protocol, SyncGroupAssignment[] Assignments)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.SyncGroup, Min: 0, Max: 5, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static SyncGroupRequest Read(WireReader reader, short version)
    {
        var group = reader.ReadString();
        var generation = reader.ReadInt32();
        var member = reader.ReadString();
        var instanceId = version >= 3 ? reader.ReadNullableString() : null;
        var protocolType = version >= 5 ? reader.ReadNullableString() : null;
        var protocol = version >= 5 ? reader.ReadNullableString() : null;
        var assignments = new SyncGroupAssignment[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < assignments.Length; i++)
        {
            assignments[i] = new SyncGroupAssignment(reader.ReadString(), reader.ReadBytes());
            reader.SkipTags();
        }

        reader.SkipTags();
        return new SyncGroupRequest(group, generation, member, instanceId, protocolType, protocol, assignments);
    }
}

/// <summary>What a leader assigned to a member.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Assignment">The assignment. The bytes lie in the request.</param>
internal readonly record struct SyncGroupAssignment(string Member, ReadOnlyMemory<byte> Assignment);

/// <summary>The answer to SyncGroup.</summary>
/// <param name="Error">Why the member is not told.</param>
/// <param name="ProtocolType">What kind of group it is; null with an error.</param>
/// <param name="Protocol">The assignor; null with an error.</param>
/// <param name="Assignment">What the member reads.</param>
internal readonly record struct SyncGroupAnswer(KafkaError Error, string? ProtocolType, string? Protocol, ReadOnlyMemory<byte> Assignment)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        if (version >= 5)
        {
            answer.WriteString(ProtocolType);
            answer.WriteString(Protocol);
        }

        answer.WriteBytes(Assignment.Span);
        answer.WriteNoTags();
    }
}
