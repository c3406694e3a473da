using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of LeaveGroup, versions 0 to 5: members leave a group.</summary>
/// <param name="Group">The group.</param>
/// <param name="Members">The members; exactly one before version 3.</param>
/// <remarks>From version 3 on several leave at once (KIP-345), 5 adds reasons; 4 is the first flexible one.</remarks>
internal readonly record struct LeaveGroupRequest(string Group, LeaveGroupMember[] Members)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.LeaveGroup, Min: 0, Max: 5, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static LeaveGroupRequest Read(WireReader reader, short version)
    {
        var group = reader.ReadString();
        LeaveGroupMember[] members;
        if (version < 3)
        {
            members = [new LeaveGroupMember(reader.ReadString(), null)];
        }
        else
        {
            members = new LeaveGroupMember[reader.ReadArrayLength(elementBytesMin: 2)];
            for (var i = 0; i < members.Length; i++)
            {
                members[i] = new LeaveGroupMember(reader.ReadString(), reader.ReadNullableString());
                if (version >= 5)
                    reader.ReadNullableString(); // reason
                reader.SkipTags();
            }
        }

        reader.SkipTags();
        return new LeaveGroupRequest(group, members);
    }
}

/// <summary>A member that leaves.</summary>
/// <param name="Member">Its id; empty when only the one that it chose itself is known.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
internal readonly record struct LeaveGroupMember(string Member, string? InstanceId);

/// <summary>The answer to LeaveGroup.</summary>
/// <param name="Request">The request.</param>
/// <param name="Error">Why none has left.</param>
/// <param name="Errors">Per member why it has not left.</param>
internal readonly record struct LeaveGroupAnswer(LeaveGroupRequest Request, KafkaError Error, IReadOnlyList<KafkaError> Errors)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 1)
            answer.WriteThrottleTime();
        // The only member's error is the answer's where there is one member.
        answer.WriteErrorCode((short)(version < 3 && Error == KafkaError.None ? Errors[0] : Error));
        if (version >= 3)
        {
            answer.WriteArrayLength(Errors.Count);
            for (var i = 0; i < Errors.Count; i++)
            {
                answer.WriteString(Request.Members[i].Member);
                answer.WriteString(Request.Members[i].InstanceId);
                answer.WriteErrorCode((short)Errors[i]);
                answer.WriteNoTags();
            }
        }

        answer.WriteNoTags();
    }
}
