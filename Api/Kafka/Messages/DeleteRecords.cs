using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of DeleteRecords, versions 0 to 2: records below offsets.</summary>
/// <param name="Topics">The topics.</param>
/// <remarks>Version 2 is the first flexible one; nothing else differs.</remarks>
internal sealed record DeleteRecordsRequest(DeleteRecordsTopic[] Topics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.DeleteRecords, Min: 0, Max: 2, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static DeleteRecordsRequest Read(WireReader reader)
    {
        var topics = new DeleteRecordsTopic[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < topics.Length; i++)
        {
            var name = reader.ReadString();
            var partitions = new DeleteRecordsPartition[reader.ReadArrayLength(elementBytesMin: 12)];
            for (var j = 0; j < partitions.Length; j++)
            {
                partitions[j] = new DeleteRecordsPartition(reader.ReadInt32(), reader.ReadInt64());
                reader.SkipTags();
            }

            reader.SkipTags();
            topics[i] = new DeleteRecordsTopic(name, partitions);
        }

        reader.ReadInt32(); // timeout_ms
        reader.SkipTags();
        return new DeleteRecordsRequest(topics);
    }
}

/// <summary>The partitions of a topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The partitions.</param>
internal readonly record struct DeleteRecordsTopic(string Name, DeleteRecordsPartition[] Partitions);

/// <summary>What to delete of a partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="BeforeOffset">The first offset to keep; -1 for the high watermark.</param>
internal readonly record struct DeleteRecordsPartition(int Index, long BeforeOffset);

/// <summary>What became of a partition.</summary>
/// <param name="Error">Why nothing was deleted.</param>
/// <param name="LogStartOffset">Its first readable offset now, or -1.</param>
internal readonly record struct DeleteRecordsResult(KafkaError Error, long LogStartOffset);

/// <summary>The answer to DeleteRecords.</summary>
/// <param name="Request">The request.</param>
/// <param name="Results">What became of each partition, in the request's order.</param>
internal readonly record struct DeleteRecordsAnswer(DeleteRecordsRequest Request, IReadOnlyList<DeleteRecordsResult> Results)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        var next = 0;
        answer.WriteThrottleTime();
        answer.WriteArrayLength(Request.Topics.Length);
        foreach (var topic in Request.Topics)
        {
            answer.WriteString(topic.Name);
            answer.WriteArrayLength(topic.Partitions.Length);
            foreach (var partition in topic.Partitions)
            {
                var result = Results[next++];
                answer.WriteInt32(partition.Index);
                answer.WriteInt64(result.LogStartOffset);
                answer.WriteErrorCode((short)result.Error);
                answer.WriteNoTags();
            }

            answer.WriteNoTags();
        }

        answer.WriteNoTags();
    }
}
