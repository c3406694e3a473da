using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of Heartbeat, versions 0 to 4: a member lives.</summary>
/// <param name="Group">The group.</param>
/// <param name="Generation">The generation.</param>
/// <param name="Member">The member's id.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <remarks>Version 3 adds instance ids; 4 is the first flexible one.</remarks>
internal readonly record struct HeartbeatRequest(string Group, int Generation, string Member, string? InstanceId)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.Heartbeat, Min: 0, Max: 4, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static HeartbeatRequest Read(WireReader reader, short version)
    {
        var request = new HeartbeatRequest(
            reader.ReadString(), reader.ReadInt32(), reader.ReadString(), version >= 3 ? reader.ReadNullableString() : null);
        reader.SkipTags();
        return request;
    }
}

/// <summary>The answer to Heartbeat.</summary>
/// <param name="Error">That the member is to join anew, or is none.</param>
internal readonly record struct HeartbeatAnswer(KafkaError Error)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteNoTags();
    }
}
