using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of OffsetFetch, versions 1 to 9: the committed offsets of groups.</summary>
/// <param name="Groups">The groups; exactly one before version 8.</param>
/// <remarks>
/// From version 2 on all offsets can be asked for, 7 adds whether pending ones are waited for (there are none), 9 members; 6 is the first flexible
/// one.
/// </remarks>
internal readonly record struct OffsetFetchRequest(OffsetFetchGroup[] Groups)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.OffsetFetch, Min: 1, Max: 9, FirstFlexible: 6);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static OffsetFetchRequest Read(WireReader reader, short version)
    {
        OffsetFetchGroup[] groups;
        if (version < 8)
        {
            groups = [new OffsetFetchGroup(reader.ReadString(), Member: null, MemberEpoch: -1, ReadTopics(ref reader))];
        }
        else
        {
            groups = new OffsetFetchGroup[reader.ReadArrayLength(elementBytesMin: 3)];
            for (var i = 0; i < groups.Length; i++)
            {
                var group = reader.ReadString();
                var member = version >= 9 ? reader.ReadNullableString() : null;
                var memberEpoch = version >= 9 ? reader.ReadInt32() : -1;
                groups[i] = new OffsetFetchGroup(group, member, memberEpoch, ReadTopics(ref reader));
                reader.SkipTags();
            }
        }

        if (version >= 7)
            reader.ReadBoolean(); // require_stable
        reader.SkipTags();
        return new OffsetFetchRequest(groups);
    }

    private static OffsetFetchTopic[]? ReadTopics(ref WireReader reader)
    {
        var count = reader.ReadNullableArrayLength(elementBytesMin: 2);
        if (count < 0)
            return null;
        var topics = new OffsetFetchTopic[count];
        for (var i = 0; i < count; i++)
        {
            topics[i] = new OffsetFetchTopic(reader.ReadString(), reader.ReadInt32Array());
            reader.SkipTags();
        }

        return topics;
    }
}

/// <summary>A group whose offsets are asked for.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Member">The member that asks; null when it does not say.</param>
/// <param name="MemberEpoch">Its epoch; below 0 when it does not say.</param>
/// <param name="Topics">The partitions, topic by topic; null for all that have an offset.</param>
internal readonly record struct OffsetFetchGroup(string Group, string? Member, int MemberEpoch, OffsetFetchTopic[]? Topics);

/// <summary>The partitions of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The partitions' numbers.</param>
internal readonly record struct OffsetFetchTopic(string Name, int[] Partitions);

/// <summary>What was found of a group.</summary>
/// <param name="Group">The group's name.</param>
/// <param name="Error">Why nothing was.</param>
/// <param name="Topics">The offsets, topic by topic.</param>
internal sealed record OffsetFetchResult(string Group, KafkaError Error, IReadOnlyList<OffsetFetchTopicResult> Topics);

/// <summary>The offsets of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The offsets.</param>
internal sealed record OffsetFetchTopicResult(string Name, IReadOnlyList<OffsetFetchPartition> Partitions);

/// <summary>The offset of a partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="Offset">The offset; -1 for none.</param>
/// <param name="Metadata">What was to be remembered with it.</param>
internal readonly record struct OffsetFetchPartition(int Index, long Offset, string Metadata);

/// <summary>The answer to OffsetFetch.</summary>
/// <param name="Results">What was found, in the request's order.</param>
internal readonly record struct OffsetFetchAnswer(IReadOnlyList<OffsetFetchResult> Results)
{
    private const int NoLeaderEpoch = -1;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 3)
            answer.WriteThrottleTime();
        if (version >= 8)
        {
            answer.WriteArrayLength(Results.Count);
            foreach (var result in Results)
            {
                answer.WriteString(result.Group);
                Write(answer, result, version);
                answer.WriteNoTags();
            }
        }
        else
        {
            Write(answer, Results[0], version);
        }

        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, OffsetFetchResult result, short version)
    {
        answer.WriteArrayLength(result.Topics.Count);
        foreach (var topic in result.Topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteArrayLength(topic.Partitions.Count);
            foreach (var partition in topic.Partitions)
            {
                answer.WriteInt32(partition.Index);
                answer.WriteInt64(partition.Offset);
                if (version >= 5)
                    answer.WriteInt32(NoLeaderEpoch);
                answer.WriteString(partition.Metadata);
                // Version 1 has no error of the whole: each partition tells it.
                answer.WriteErrorCode((short)(version == 1 ? result.Error : KafkaError.None));
                answer.WriteNoTags();
            }

            answer.WriteNoTags();
        }

        if (version >= 2)
            answer.WriteErrorCode((short)result.Error);
    }
}
