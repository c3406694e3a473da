using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of OffsetForLeaderEpoch, versions 0 to 4 (KIP-101, KIP-320): up to where what was read of an epoch still stands.</summary>
/// <param name="Topics">The topics.</param>
/// <remarks>Version 2 adds the epoch that the client knows, 3 the replica; 4 is the first flexible one.</remarks>
internal sealed record OffsetForLeaderEpochRequest(EpochTopic[] Topics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.OffsetForLeaderEpoch, Min: 0, Max: 4, FirstFlexible: 4);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static OffsetForLeaderEpochRequest Read(WireReader reader, short version)
    {
        if (version >= 3)
            reader.ReadInt32(); // replica_id
        var topics = new EpochTopic[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = reader.ReadString();
            var partitions = new EpochPartition[reader.ReadArrayLength(elementBytesMin: 8)];
            for (var j = 0; j < partitions.Length; j++)
            {
                var index = reader.ReadInt32();
                var known = version >= 2 ? reader.ReadInt32() : -1;
                partitions[j] = new EpochPartition(index, known, reader.ReadInt32());
                reader.SkipTags();
            }

            reader.SkipTags();
            topics[i] = new EpochTopic(name, partitions);
        }

        reader.SkipTags();
        return new OffsetForLeaderEpochRequest(topics);
    }
}

/// <summary>The partitions of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The partitions.</param>
internal readonly record struct EpochTopic(string Name, EpochPartition[] Partitions);

/// <summary>What is asked of a partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="KnownEpoch">The epoch of the leader that the client knows; -1 for none.</param>
/// <param name="LeaderEpoch">The epoch whose end is asked for.</param>
internal readonly record struct EpochPartition(int Index, int KnownEpoch, int LeaderEpoch);

/// <summary>What was found of a partition.</summary>
/// <param name="Error">Why nothing was.</param>
/// <param name="LeaderEpoch">The epoch, or -1.</param>
/// <param name="EndOffset">The offset behind what stands of it, or -1.</param>
internal readonly record struct EpochResult(KafkaError Error, int LeaderEpoch, long EndOffset);

/// <summary>The answer to OffsetForLeaderEpoch.</summary>
/// <param name="Request">The request.</param>
/// <param name="Results">What was found, in the request's order.</param>
internal readonly record struct OffsetForLeaderEpochAnswer(OffsetForLeaderEpochRequest Request, IReadOnlyList<EpochResult> Results)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        if (version >= 2)
            answer.WriteThrottleTime();
        var next = 0;
        answer.WriteArrayLength(Request.Topics.Length);
        foreach (var topic in Request.Topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteArrayLength(topic.Partitions.Length);
            foreach (var partition in topic.Partitions)
            {
                var result = Results[next++];
                answer.WriteErrorCode((short)result.Error);
                answer.WriteInt32(partition.Index);
                if (version >= 1)
                    answer.WriteInt32(result.LeaderEpoch);
                answer.WriteInt64(result.EndOffset);
                answer.WriteNoTags();
            }

            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
