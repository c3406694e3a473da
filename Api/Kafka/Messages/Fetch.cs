using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of Fetch, versions 4 to 16: batches to read of many partitions.</summary>
/// <param name="MaxWaitMs">How long to wait for <paramref name="MinBytes"/>, in milliseconds.</param>
/// <param name="MinBytes">The least bytes of records to answer with before the wait is over.</param>
/// <param name="MaxBytes">The most bytes of records over all partitions; the first batch comes even when it is larger.</param>
/// <param name="SessionId">The session's id (KIP-227); 0 for none yet.</param>
/// <param name="SessionEpoch">Its epoch: 0 for a new session, -1 for none.</param>
/// <param name="Partitions">The partitions to read; of a session those that changed.</param>
/// <param name="Forgotten">The partitions that leave the session.</param>
/// <remarks>Versions below 4 ask for record formats of old. 7 adds sessions, 9 leader epochs, 11 racks; 12 is the first flexible one;
/// from 13 on topics are named by their ids, and 15 tells followers apart by a tagged field; 16 tells of other leaders (KIP-951).</remarks>
internal sealed record FetchRequest(
    int MaxWaitMs, int MinBytes, int MaxBytes, int SessionId, int SessionEpoch, FetchPartition[] Partitions, FetchPartitionName[] Forgotten)
{
    /// <summary>The epoch of a request that begins a session.</summary>
    public const int InitialEpoch = 0;

    /// <summary>The epoch of a request outside of any session, which ends the one that it names.</summary>
    public const int FinalEpoch = -1;

    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.Fetch, Min: 4, Max: 16, FirstFlexible: 12);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static FetchRequest Read(WireReader reader, short version)
    {
        if (version <= 14)
            reader.ReadInt32(); // replica_id
        var maxWaitMs = reader.ReadInt32();
        var minBytes = reader.ReadInt32();
        var maxBytes = reader.ReadInt32();
        reader.ReadInt8(); // isolation_level: without transactions all are alike
        var sessionId = version >= 7 ? reader.ReadInt32() : 0;
        var sessionEpoch = version >= 7 ? reader.ReadInt32() : FinalEpoch;
        var partitions = ReadPartitions(ref reader, version);
        var forgotten = version >= 7 ? ReadForgotten(ref reader, version) : [];
        if (version >= 11)
            reader.ReadString(); // rack_id
        reader.SkipTags();
        return new FetchRequest(maxWaitMs, minBytes, maxBytes, sessionId, sessionEpoch, partitions, forgotten);
    }

    private static FetchPartition[] ReadPartitions(ref WireReader reader, short version)
    {
        var partitions = new List<FetchPartition>();
        for (var topics = reader.ReadArrayLength(elementBytesMin: 2); topics > 0; topics--)
        {
            var (name, id) = ReadTopic(ref reader, version);
            for (var count = reader.ReadArrayLength(elementBytesMin: 16); count > 0; count--)
            {
                var partition = reader.ReadInt32();
                var epoch = version >= 9 ? reader.ReadInt32() : -1;
                var offset = reader.ReadInt64();
                if (version >= 12)
                    reader.ReadInt32(); // last_fetched_epoch: nothing that was read is ever taken back
                if (version >= 5)
                    reader.ReadInt64(); // log_start_offset, of followers
                var maxBytes = reader.ReadInt32();
                reader.SkipTags();
                partitions.Add(new FetchPartition(new FetchPartitionName(name, id, partition), offset, maxBytes, epoch));
            }

            reader.SkipTags();
        }

        return [.. partitions];
    }

    private static (string Name, Guid Id) ReadTopic(ref WireReader reader, short version) =>
        version >= 13 ? ("", reader.ReadUuid()) : (reader.ReadString(), Guid.Empty);

    private static FetchPartitionName[] ReadForgotten(ref WireReader reader, short version)
    {
        var forgotten = new List<FetchPartitionName>();
        for (var topics = reader.ReadArrayLength(elementBytesMin: 2); topics > 0; topics--)
        {
            var (name, id) = ReadTopic(ref reader, version);
            foreach (var partition in reader.ReadInt32Array())
                forgotten.Add(new FetchPartitionName(name, id, partition));
            reader.SkipTags();
        }

        return [.. forgotten];
    }
}

/// <summary>A partition as a fetch names it.</summary>
/// <param name="Topic">The topic's name; empty where it is named by its id.</param>
/// <param name="TopicId">The topic's id, from version 13 on.</param>
/// <param name="Index">The partition's number.</param>
internal readonly record struct FetchPartitionName(string Topic, Guid TopicId, int Index);

/// <summary>What to read of a partition.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Offset">The first offset wanted.</param>
/// <param name="MaxBytes">The most bytes of its records; the first batch comes even when it is larger.</param>
/// <param name="LeaderEpoch">The epoch of the leader that the client knows; -1 for none.</param>
internal readonly record struct FetchPartition(FetchPartitionName Name, long Offset, int MaxBytes, int LeaderEpoch);

/// <summary>What was read of a partition.</summary>
/// <param name="Name">The partition.</param>
/// <param name="Error">Why nothing was.</param>
/// <param name="HighWatermark">Its durable end offset, or -1.</param>
/// <param name="LogStartOffset">Its first readable offset, or -1.</param>
/// <param name="Records">Whole batches, where they lie, that readers may see.</param>
internal readonly record struct FetchResult(
    FetchPartitionName Name, KafkaError Error, long HighWatermark, long LogStartOffset, IReadOnlyList<ReadOnlyMemory<byte>> Records)
{
    private const long None = -1;

    /// <summary>The broker to ask instead; null when it is the one that was asked, or not known.</summary>
    public PartitionLeader? Leader { get; init; }

    /// <summary>A partition that could not be read.</summary>
    /// <param name="name">The partition.</param>
    /// <param name="error">Why it failed or was refused.</param>
    public static FetchResult Failed(FetchPartitionName name, KafkaError error) => new(name, error, None, None, []);

    /// <summary>The length of its records in bytes.</summary>
    public int RecordBytes
    {
        get
        {
            var bytes = 0;
            foreach (var records in Records)
                bytes += records.Length;
            return bytes;
        }
    }
}

/// <summary>The answer to Fetch.</summary>
/// <param name="Error">What is wrong with the request as a whole, told from version 7 on.</param>
/// <param name="SessionId">The session's id; 0 for none.</param>
/// <param name="Results">What was read, the partitions of a topic one behind the other.</param>
internal readonly record struct FetchAnswer(KafkaError Error, int SessionId, IReadOnlyList<FetchResult> Results)
{
    private const int NoReplica = -1, CurrentLeaderTag = 1;

    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteThrottleTime();
        if (version >= 7)
        {
            answer.WriteErrorCode((short)Error);
            answer.WriteInt32(SessionId);
        }

        answer.WriteArrayLength(CountTopics());
        for (var first = 0; first < Results.Count;)
        {
            var next = EndOfTopic(first);
            if (version >= 13)
                answer.WriteUuid(Results[first].Name.TopicId);
            else
                answer.WriteString(Results[first].Name.Topic);
            answer.WriteArrayLength(next - first);
            for (; first < next; first++)
                Write(answer, Results[first], version);
            answer.WriteNoTags();
        }

        if (version >= 16)
            PartitionLeader.WriteEndpoints(answer, Results.Select(result => result.Leader));
        else
            answer.WriteNoTags();
    }

    private static void Write(WireWriter answer, in FetchResult result, short version)
    {
        answer.WriteInt32(result.Name.Index);
        answer.WriteErrorCode((short)result.Error);
        answer.WriteInt64(result.HighWatermark);
        answer.WriteInt64(result.HighWatermark); // last_stable_offset: there are no open transactions
        if (version >= 5)
            answer.WriteInt64(result.LogStartOffset);
        answer.WriteArrayLength(0); // aborted_transactions
        if (version >= 11)
            answer.WriteInt32(NoReplica); // preferred_read_replica
        answer.WriteRecordsLength(result.RecordBytes);
        foreach (var records in result.Records)
            answer.AddRecords(records);
        if (version >= 16 && result.Leader is { } leader)
            leader.WriteTag(answer, CurrentLeaderTag);
        else
            answer.WriteNoTags();
    }

    private int CountTopics()
    {
        var count = 0;
        for (var first = 0; first < Results.Count; first = EndOfTopic(first))
            count++;
        return count;
    }

    private int EndOfTopic(int first)
    {
        var next = first + 1;
        while (next < Results.Count && (Results[next].Name with { Index = 0 }) == (Results[first].Name with { Index = 0 }))
            next++;
        return next;
    }
}
