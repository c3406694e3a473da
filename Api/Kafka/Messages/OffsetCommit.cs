using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of OffsetCommit, versions 2 to 9: offsets that a member, or whoever administers a group, wants to be kept.</summary>
/// <param name="Group">The group.</param>
/// <param name="Generation">The generation, or the member epoch; below 0 for a caller that is no member.</param>
/// <param name="Member">The member's id; empty for a caller that is no member.</param>
/// <param name="InstanceId">The id that it chose itself; null for none.</param>
/// <param name="Topics">The offsets, topic by topic.</param>
/// <remarks>
/// Versions 2 to 4 say how long to keep them, which is not heeded; 6 adds leader epochs, 7 instance ids, 9 member epochs; 8 is the first flexible
/// one.
/// </remarks>
internal sealed record OffsetCommitRequest(string Group, int Generation, string Member, string? InstanceId, OffsetCommitTopic[] Topics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.OffsetCommit, Min: 2, Max: 9, FirstFlexible: 8);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static OffsetCommitRequest Read(WireReader reader, short version)
    {
        var group = reader.ReadString();
        var generation = reader.ReadInt32();
        var member = reader.ReadString();
        var instanceId = version >= 7 ? reader.ReadNullableString() : null;
        if (version <= 4)
            reader.ReadInt64(); // retention_time_ms
        var topics = new OffsetCommitTopic[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = reader.ReadString();
            var partitions = new OffsetCommitPartition[reader.ReadArrayLength(elementBytesMin: 13)];
            for (var j = 0; j < partitions.Length; j++)
            {
                var index = reader.ReadInt32();
                var offset = reader.ReadInt64();
                if (version >= 6)
                    reader.ReadInt32(); // committed_leader_epoch
                partitions[j] = new OffsetCommitPartition(index, offset, reader.ReadNullableString());
                reader.SkipTags();
            }

            reader.SkipTags();
            topics[i] = new OffsetCommitTopic(name, partitions);
        }

        reader.SkipTags();
        return new OffsetCommitRequest(group, generation, member, instanceId, topics);
    }
}

/// <summary>The offsets of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The offsets.</param>
internal readonly record struct OffsetCommitTopic(string Name, OffsetCommitPartition[] Partitions);

/// <summary>The offset of a partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="Offset">The next offset to be read; below 0 for none.</param>
/// <param name="Metadata">What to remember with it; null for nothing.</param>
internal readonly record struct OffsetCommitPartition(int Index, long Offset, string? Metadata);

/// <summary>The answer to OffsetCommit.</summary>
/// <param name="Request">The request.</param>
/// <param name="Errors">Per offset why it is not kept, in the request's order.</param>
internal readonly record struct OffsetCommitAnswer(OffsetCommitRequest Request, IReadOnlyList<KafkaError> Errors)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 3)
            answer.WriteThrottleTime();
        var next = 0;
        answer.WriteArrayLength(Request.Topics.Length);
        foreach (var topic in Request.Topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteArrayLength(topic.Partitions.Length);
            foreach (var partition in topic.Partitions)
            {
                answer.WriteInt32(partition.Index);
                answer.WriteErrorCode((short)Errors[next++]);
                answer.WriteNoTags();
            }

            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
