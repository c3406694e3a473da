using System.Collections.Immutable;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>The records of a partition that wait in place, during a poll: which are due, and which other records must wait with them.</summary>
internal sealed class HeldRecords
{
    private readonly ImmutableArray<HeldOffset> _holds;
    private readonly HashSet<int> _keys;
    private readonly List<HeldOffset> _delivered = [];
    private readonly List<HeldOffset> _waiting = [];

    /// <summary>Starts with the records that the group holds.</summary>
    /// <param name="holds">The records, by offset.</param>
    public HeldRecords(ImmutableArray<HeldOffset> holds)
    {
        _holds = holds.IsDefault ? [] : holds;
        _keys = [.. _holds.Where(held => held.Key is not null).Select(held => held.Key!.Value)];
    }

    /// <summary>The due records that were read.</summary>
    public List<(HeldOffset Held, FetchResponse Response)> Fetched { get; } = [];

    /// <summary>False when so many records wait that the partition is not read further, because there is no room for more of them.</summary>
    public bool HasRoom => _holds.Length + _waiting.Count < GroupLimits.HoldsPerPartitionMax;

    /// <summary>True when records with a key wait, so that a later record may have to wait with them.</summary>
    public bool HasKeys => _keys.Count > 0;

    /// <summary>A hash of a record's key, by which later records of the key are recognized; null for a record without a key.</summary>
    /// <param name="record">The record.</param>
    public static int? KeyOf(in RecordView record) => record.HasKey ? (int)Crc32C.Compute(record.Key) : null;

    /// <summary>The records that can be delivered: those that are due and the first of their key.</summary>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    public IEnumerable<HeldOffset> Due(long nowMs) => Heads.Where(head => head.DueMs <= nowMs && !_delivered.Contains(head));

    /// <summary>When the next record is due, in milliseconds since the Unix epoch; null when none is due in the future.</summary>
    /// <param name="nowMs">The time, in milliseconds since the Unix epoch.</param>
    public long? NextDueMs(long nowMs) => Heads.Where(head => head.DueMs > nowMs).Min(head => (long?)head.DueMs);

    /// <summary>True when a record must wait for an earlier one of its key. It is then remembered.</summary>
    /// <param name="record">The record.</param>
    public bool Waits(in RecordView record)
    {
        if (_keys.Count == 0 || KeyOf(record) is not { } key || !_keys.Contains(key))
            return false;
        _waiting.Add(new HeldOffset(record.Offset, key, Attempt: 1, DueMs: 0));
        return true;
    }

    /// <summary>Records that one of the records is in the answer, or was deleted by retention.</summary>
    /// <param name="held">The record.</param>
    public void Deliver(HeldOffset held) => _delivered.Add(held);

    /// <summary>What the cursor must remember of this answer; null when there is nothing.</summary>
    /// <param name="assigned">The partition.</param>
    public PartitionHolds? Told(AssignedPartition assigned) => _delivered.Count == 0 && _waiting.Count == 0
        ? null
        : new PartitionHolds(assigned.TopicId, assigned.Partition, [.. _delivered], [], [.. _waiting]);

    private IEnumerable<HeldOffset> Heads
    {
        get
        {
            var keys = new HashSet<int>();
            return [.. _holds.Where(held => held.Key is not { } key || keys.Add(key))];
        }
    }
}
