using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of ListGroups, versions 0 to 5.</summary>
/// <param name="States">Only groups that do one of these; empty for all.</param>
/// <param name="Types">Only groups of one of these types; empty for all.</param>
/// <remarks>Version 4 adds states, 5 types; 3 is the first flexible one.</remarks>
internal readonly record struct ListGroupsRequest(string[] States, string[] Types)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.ListGroups, Min: 0, Max: 5, FirstFlexible: 3);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static ListGroupsRequest Read(WireReader reader, short version)
    {
        var request = new ListGroupsRequest(version >= 4 ? reader.ReadStringArray() : [], version >= 5 ? reader.ReadStringArray() : []);
        reader.SkipTags();
        return request;
    }
}

/// <summary>A group.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="ProtocolType">What kind of group it is.</param>
/// <param name="State">What it is doing.</param>
/// <param name="Type">By which protocol its members share the partitions.</param>
internal readonly record struct ListedGroup(string Group, string ProtocolType, string State, string Type);

/// <summary>The answer to ListGroups.</summary>
/// <param name="Error">Why there is no list.</param>
/// <param name="Groups">The groups.</param>
internal readonly record struct ListGroupsAnswer(KafkaError Error, IReadOnlyList<ListedGroup> Groups)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteArrayLength(Groups.Count);
        foreach (var group in Groups)
        {
            answer.WriteString(group.Group);
            answer.WriteString(group.ProtocolType);
            if (version >= 4)
                answer.WriteString(group.State);
            if (version >= 5)
                answer.WriteString(group.Type);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
