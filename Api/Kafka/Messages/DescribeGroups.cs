using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DescribeGroups, versions 0 to 5.</summary>
/// <param name="Groups">The groups' names.</param>
/// <remarks>Version 3 adds what the caller may do, 4 instance ids; 5 is the first flexible one.</remarks>
internal readonly record struct DescribeGroupsRequest(string[] Groups)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DescribeGroups, Min: 0, Max: 5, FirstFlexible: 5);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static DescribeGroupsRequest Read(WireReader reader, short version)
    {
        var groups = reader.ReadStringArray();
        if (version >= 3)
            reader.ReadBoolean(); // include_authorized_operations
        reader.SkipTags();
        return new DescribeGroupsRequest(groups);
    }
}

/// <summary>A group.</summary>
/// <param name="Error">Why it cannot be told of.</param>
/// <param name="Group">The group's name.</param>
/// <param name="State">What it is doing, by Kafka's names.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="Protocol">The assignor.</param>
/// <param name="Members">The members.</param>
internal sealed record DescribedGroup(
    KafkaError Error, string Group, string State, string ProtocolType, string Protocol, IReadOnlyList<DescribedGroupMember> Members);

/// <summary>A member.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joined from.</param>
/// <param name="Metadata">What it tells the assignor.</param>
/// <param name="Assignment">What it reads.</param>
internal readonly record struct DescribedGroupMember(
    string Member, string? InstanceId, string ClientId, string ClientHost, ReadOnlyMemory<byte> Metadata, ReadOnlyMemory<byte> Assignment);

/// <summary>The answer to DescribeGroups.</summary>
/// <param name="Groups">The groups, in the request's order.</param>
internal readonly record struct DescribeGroupsAnswer(IReadOnlyList<DescribedGroup> Groups)
{
    /// <summary>Stands for not being told what the caller may do.</summary>
    public const int NoOperations = int.MinValue;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteArrayLength(Groups.Count);
        foreach (var group in Groups)
        {
            answer.WriteErrorCode((short)group.Error);
            answer.WriteString(group.Group);
            answer.WriteString(group.State);
            answer.WriteString(group.ProtocolType);
            answer.WriteString(group.Protocol);
            answer.WriteArrayLength(group.Members.Count);
            foreach (var member in group.Members)
                Write(answer, member, version);
            if (version >= 3)
                answer.WriteInt32(NoOperations);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, in DescribedGroupMember member, short version)
    {
        answer.WriteString(member.Member);
        if (version >= 4)
            answer.WriteString(member.InstanceId);
        answer.WriteString(member.ClientId);
        answer.WriteString(member.ClientHost);
        answer.WriteBytes(member.Metadata.Span);
        answer.WriteBytes(member.Assignment.Span);
        answer.WriteNoTags();
    }
}
