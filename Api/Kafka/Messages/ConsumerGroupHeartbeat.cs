using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of ConsumerGroupHeartbeat, versions 0 and 1 (KIP-848): a member joins, lives, tells what it has, or leaves.</summary>
/// <param name="Group">The group.</param>
/// <param name="Member">The member's id; empty in version 0 when it has none yet.</param>
/// <param name="MemberEpoch">Its epoch; 0 to join, -1 to leave, -2 to leave and be back soon.</param>
/// <param name="InstanceId">The id that it chose itself; null for none, or when it is the same.</param>
/// <param name="RebalanceMs">How long it may take to let go of partitions, in milliseconds; -1 when it is the same.</param>
/// <param name="Topics">The topics that it subscribes to; null when they are the same.</param>
/// <param name="TopicPattern">The pattern of names that it subscribes to; null for none, or when it is the same.</param>
/// <param name="Assignor">The assignor that it asks for; null when it is the same, or for none.</param>
/// <param name="Owned">The partitions that it has; null when they are the same.</param>
/// <remarks>Both versions are flexible; 1 adds patterns, and members choose their ids (KIP-1082).</remarks>
internal sealed record ConsumerGroupHeartbeatRequest(
    string Group, string Member, int MemberEpoch, string? InstanceId, int RebalanceMs, string[]? Topics, string? TopicPattern, string? Assignor,
    TopicIdPartitions[]? Owned)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.ConsumerGroupHeartbeat, Min: 0, Max: 1, FirstFlexible: 0);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static ConsumerGroupHeartbeatRequest Read(WireReader reader, short version)
    {
        var group = reader.ReadString();
        var member = reader.ReadString();
        var memberEpoch = reader.ReadInt32();
        var instanceId = reader.ReadNullableString();
        reader.ReadNullableString(); // rack_id
        var rebalanceMs = reader.ReadInt32();
        var topics = reader.ReadNullableStringArray();
        var pattern = version >= 1 ? reader.ReadNullableString() : null;
        var assignor = reader.ReadNullableString();
        var count = reader.ReadNullableArrayLength(elementBytesMin: 18);
        var owned = count < 0 ? null : new TopicIdPartitions[count];
        for (var i = 0; i < count; i++)
        {
            owned![i] = new TopicIdPartitions(reader.ReadUuid(), reader.ReadInt32Array());
            reader.SkipTags();
        }

        reader.SkipTags();
        return new ConsumerGroupHeartbeatRequest(group, member, memberEpoch, instanceId, rebalanceMs, topics, pattern, assignor, owned);
    }
}

/// <summary>Partitions of a topic, by its id.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partitions">The partitions' numbers.</param>
internal readonly record struct TopicIdPartitions(Guid TopicId, int[] Partitions);

/// <summary>The answer to ConsumerGroupHeartbeat.</summary>
/// <param name="Error">Why it is no member.</param>
/// <param name="ErrorMessage">The same for people; null for none.</param>
/// <param name="Member">The member's id.</param>
/// <param name="MemberEpoch">Its epoch.</param>
/// <param name="HeartbeatMs">When its next heartbeat is expected, in milliseconds.</param>
/// <param name="Assigned">The partitions that it shall have; null when they are what it has.</param>
internal sealed record ConsumerGroupHeartbeatAnswer(
    KafkaError Error, string? ErrorMessage, string Member, int MemberEpoch, int HeartbeatMs, IReadOnlyList<TopicIdPartitions>? Assigned)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteThrottleTime();
        answer.WriteErrorCode((short)Error);
        answer.WriteString(ErrorMessage);
        answer.WriteString(Member);
        answer.WriteInt32(MemberEpoch);
        answer.WriteInt32(HeartbeatMs);
        // A structure that may be missing begins with a byte that says whether it does.
        answer.WriteInt8(Assigned is null ? (sbyte)-1 : (sbyte)1);
        if (Assigned is { } assigned)
        {
            answer.WriteArrayLength(assigned.Count);
            foreach (var topic in assigned)
            {
                answer.WriteUuid(topic.TopicId);
                answer.WriteInt32Array(topic.Partitions);
                answer.WriteNoTags();
            }

            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
