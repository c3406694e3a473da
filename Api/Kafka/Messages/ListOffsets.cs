using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of ListOffsets, versions 0 to 7: the bounds of logs, and the offsets of times.</summary>
/// <param name="Topics">The topics.</param>
/// <remarks>
/// Version 1 has one offset in place of several, 2 adds isolation levels, 4 leader epochs, 7 the latest time of a record (KIP-734); 6 is the first
/// flexible one.
/// </remarks>
internal sealed record ListOffsetsRequest(ListOffsetsTopic[] Topics)
{
    /// <summary>Stands for the offset behind the last record.</summary>
    public const long Latest = -1;

    /// <summary>Stands for the first readable offset.</summary>
    public const long Earliest = -2;

    /// <summary>Stands for the first record with the latest time.</summary>
    public const long MaxTimestamp = -3;

    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.ListOffsets, Min: 0, Max: 7, FirstFlexible: 6);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static ListOffsetsRequest Read(WireReader reader, short version)
    {
        reader.ReadInt32(); // replica_id
        if (version >= 2)
            reader.ReadInt8(); // isolation_level
        var topics = new ListOffsetsTopic[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = reader.ReadString();
            var partitions = new ListOffsetsPartition[reader.ReadArrayLength(elementBytesMin: 12)];
            for (var j = 0; j < partitions.Length; j++)
            {
                var index = reader.ReadInt32();
                var epoch = version >= 4 ? reader.ReadInt32() : -1;
                partitions[j] = new ListOffsetsPartition(index, epoch, reader.ReadInt64());
                if (version == 0)
                    reader.ReadInt32(); // max_num_offsets
                reader.SkipTags();
            }

            reader.SkipTags();
            topics[i] = new ListOffsetsTopic(name, partitions);
        }

        reader.SkipTags();
        return new ListOffsetsRequest(topics);
    }
}

/// <summary>The partitions of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The partitions.</param>
internal readonly record struct ListOffsetsTopic(string Name, ListOffsetsPartition[] Partitions);

/// <summary>What is asked of a partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="LeaderEpoch">The epoch of the leader that the client knows; -1 for none.</param>
/// <param name="TimestampMs">A time in milliseconds since the Unix epoch, or what stands for a bound.</param>
internal readonly record struct ListOffsetsPartition(int Index, int LeaderEpoch, long TimestampMs);

/// <summary>What was found in a partition.</summary>
/// <param name="Error">Why nothing was.</param>
/// <param name="TimestampMs">The time of the record that was found; -1 for a bound, or for none.</param>
/// <param name="Offset">The offset; -1 for none.</param>
/// <param name="Epoch">The epoch of the leader that stored what is there; -1 when it is not known.</param>
internal readonly record struct ListOffsetsResult(KafkaError Error, long TimestampMs, long Offset, int Epoch)
{
    /// <summary>What is told of a partition that could not be searched.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static ListOffsetsResult Failed(KafkaError error) => new(error, TimestampMs: -1, Offset: -1, Epoch: -1);
}

/// <summary>The answer to ListOffsets.</summary>
/// <param name="Request">The request.</param>
/// <param name="Results">What was found, in the request's order.</param>
internal readonly record struct ListOffsetsAnswer(ListOffsetsRequest Request, IReadOnlyList<ListOffsetsResult> Results)
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
                Write(answer, partition.Index, Results[next++], version);
            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, int partition, in ListOffsetsResult result, short version)
    {
        answer.WriteInt32(partition);
        answer.WriteErrorCode((short)result.Error);
        if (version == 0)
        {
            // One offset at most: with a time, the first of a segment that may have it was told of old.
            answer.WriteArrayLength(result.Offset < 0 ? 0 : 1);
            if (result.Offset >= 0)
                answer.WriteInt64(result.Offset);
            return;
        }

        answer.WriteInt64(result.TimestampMs);
        answer.WriteInt64(result.Offset);
        if (version >= 4)
            answer.WriteInt32(result.Epoch);
        answer.WriteNoTags();
    }
}
