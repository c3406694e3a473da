using System.Text;
using OrleansStream.Records;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.History;

/// <summary>A record's identity: which producer sent it, as which of its own. A producer's numbers grow.</summary>
internal readonly record struct Sending(int Producer, long Number);

/// <summary>How a call ended, as far as its caller knows.</summary>
internal enum CallOutcome
{
    /// <summary>No answer, or one that says so: it may take effect once, later, or never. A time-out is this, never a failure.</summary>
    Unknown,

    /// <summary>Done, says the service.</summary>
    Ok,

    /// <summary>Not done, says the service; or the request never reached it.</summary>
    Failed,
}

/// <summary>One call of one client. It is in the history from its start on, so that one which never ends is there too.</summary>
/// <param name="client">Who calls; a client's calls do not overlap.</param>
internal abstract class HistoryCall(string client)
{
    public string Client => client;

    /// <summary>When it began; any clock that never goes back, the same for all calls of a history.</summary>
    public long Started { get; set; }

    /// <summary>When its answer came; <see cref="long.MaxValue"/> as long as none has.</summary>
    public long Ended { get; private set; } = long.MaxValue;

    public CallOutcome Outcome { get; private set; }

    /// <summary>The call has an answer. What it holds is set before.</summary>
    public void End(CallOutcome outcome, long ended) => (Outcome, Ended) = (outcome, ended);
}

/// <summary>A record to be stored, and the checksum of its key and value (<see cref="RecordContent"/>).</summary>
internal readonly record struct SentRecord(Sending Id, uint Content);

/// <summary>What an answer says of one record.</summary>
internal readonly record struct SentResult(CallOutcome Outcome, Place Place);

/// <summary>A produce. Repeated under the same identities, it is a call of its own.</summary>
internal sealed class ProduceCall(string client, IReadOnlyList<SentRecord> records) : HistoryCall(client)
{
    public IReadOnlyList<SentRecord> Records => records;

    /// <summary>What became of each record, in their order; unknown until told otherwise.</summary>
    public SentResult[] Results { get; } = new SentResult[records.Count];
}

/// <summary>A record as a reader was given it, or as it lies in the store.</summary>
internal readonly record struct SeenRecord(long Offset, Sending Id, uint Content);

/// <summary>A read of one partition.</summary>
internal sealed class FetchCall(string client, int partition, long offset) : HistoryCall(client)
{
    public int Partition => partition;

    /// <summary>The first offset wanted.</summary>
    public long Offset => offset;

    public IReadOnlyList<SeenRecord> Records { get; set; } = [];

    /// <summary>Where to read on.</summary>
    public long NextOffset { get; set; }

    public long LogStartOffset { get; set; }

    public long HighWatermark { get; set; }
}

/// <summary>The bounds of a partition as its leader tells them.</summary>
internal readonly record struct PartitionBounds(int Partition, long LogStartOffset, long HighWatermark, int LeaderEpoch, string Leader);

/// <summary>A look at all partitions of a topic; those that did not answer are left out.</summary>
internal sealed class DescribeCall(string client) : HistoryCall(client)
{
    public IReadOnlyList<PartitionBounds> Partitions { get; set; } = [];
}

/// <summary>Tells contents apart: the same record has the same checksum as it is sent, read and stored.</summary>
internal static class RecordContent
{
    public static uint Of(string? key, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        return key is null ? Crc32C.Compute(bytes) : Crc32C.Append(Crc32C.Compute(Encoding.UTF8.GetBytes(key + "\0")), bytes);
    }
}
