using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of Produce, versions 3 to 10: batches to append, one for each partition.</summary>
/// <param name="TransactionalId">The producer's transactional id; null when it is in no transaction.</param>
/// <param name="Acks">When to answer: -1, 0 or 1.</param>
/// <param name="TimeoutMs">How long the client waits, in milliseconds.</param>
/// <param name="Topics">The topics.</param>
/// <remarks>
/// Versions below 3 carry record formats of old. Version 9 is the first flexible one, and adds nothing else; 10 tells of other leaders (KIP-951).
/// </remarks>
internal sealed record ProduceRequest(string? TransactionalId, short Acks, int TimeoutMs, ProduceTopic[] Topics)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.Produce, Min: 3, Max: 10, FirstFlexible: 9);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static ProduceRequest Read(WireReader reader)
    {
        var transactionalId = reader.ReadNullableString();
        var acks = reader.ReadInt16();
        var timeoutMs = reader.ReadInt32();
        var topics = new ProduceTopic[reader.ReadArrayLength(elementBytesMin: 2)];
        for (var i = 0; i < topics.Length; i++)
            topics[i] = ProduceTopic.Read(ref reader);
        reader.SkipTags();
        return new ProduceRequest(transactionalId, acks, timeoutMs, topics);
    }
}

/// <summary>The batches for one topic.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Partitions">The partitions.</param>
internal readonly record struct ProduceTopic(string Name, ProducePartition[] Partitions)
{
    /// <summary>Reads it.</summary>
    /// <param name="reader">Stands at it.</param>
    public static ProduceTopic Read(ref WireReader reader)
    {
        var name = reader.ReadString();
        var partitions = new ProducePartition[reader.ReadArrayLength(elementBytesMin: sizeof(int) + 1)];
        for (var i = 0; i < partitions.Length; i++)
        {
            partitions[i] = new ProducePartition(reader.ReadInt32(), reader.ReadNullableBytes() ?? default);
            reader.SkipTags();
        }

        reader.SkipTags();
        return new ProduceTopic(name, partitions);
    }
}

/// <summary>The batch for one partition.</summary>
/// <param name="Index">The partition's number.</param>
/// <param name="Records">The batch, where it lies in the request; empty when the client sends none.</param>
internal readonly record struct ProducePartition(int Index, ReadOnlyMemory<byte> Records);

/// <summary>What became of the batch for one partition.</summary>
/// <param name="Error">Why it is not stored.</param>
/// <param name="BaseOffset">The offset of its first record, or -1.</param>
/// <param name="LogAppendTimeMs">The time that the log gave its records; -1 when they keep their own.</param>
/// <param name="LogStartOffset">The partition's first readable offset, or -1.</param>
/// <param name="Detail">The error for people; null when there is none.</param>
internal readonly record struct ProduceResult(KafkaError Error, long BaseOffset, long LogAppendTimeMs, long LogStartOffset, string? Detail)
{
    private const long None = -1;

    /// <summary>The broker to send it to instead; null when it is the one that was asked, or not known.</summary>
    public PartitionLeader? Leader { get; init; }

    /// <summary>A batch that is not stored.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    /// <param name="detail">Why, for people.</param>
    public static ProduceResult Failed(KafkaError error, string detail) => new(error, None, None, None, detail);
}

/// <summary>The answer to Produce.</summary>
/// <param name="Request">The request.</param>
/// <param name="Results">What became of each batch, in the request's order.</param>
internal readonly record struct ProduceAnswer(ProduceRequest Request, IReadOnlyList<ProduceResult> Results)
{
    private const int CurrentLeaderTag = 0;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
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

        answer.WriteThrottleTime();
        if (version >= 10)
            PartitionLeader.WriteEndpoints(answer, Results.Select(result => result.Leader));
        else
            answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, int partition, in ProduceResult result, short version)
    {
        answer.WriteInt32(partition);
        answer.WriteErrorCode((short)result.Error);
        answer.WriteInt64(result.BaseOffset);
        answer.WriteInt64(result.LogAppendTimeMs);
        if (version >= 5)
            answer.WriteInt64(result.LogStartOffset);
        if (version >= 8)
        {
            answer.WriteArrayLength(0); // record_errors: a batch is taken or refused whole
            answer.WriteString(result.Detail);
        }

        if (version >= 10 && result.Leader is { } leader)
            leader.WriteTag(answer, CurrentLeaderTag);
        else
            answer.WriteNoTags();
    }
}
