using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Api.Mapping;

/// <summary>Walks the batches of a fetch and knows the exact offset to read on from.</summary>
/// <param name="response">The fetch, without an error.</param>
/// <param name="budget">What may be unfolded; no further batch is given out once it is spent.</param>
internal sealed class BatchCursor(FetchResponse response, UnfoldingBudget budget)
{
    private readonly ReadOnlyMemory<byte> _batches = response.Batches;
    private int _position;

    /// <summary>The offset behind the last record that was taken.</summary>
    public long NextOffset { get; private set; } = response.Offset;

    /// <summary>Takes the next batch.</summary>
    /// <param name="batch">The batch.</param>
    public bool TryTakeBatch(out ReadOnlyMemory<byte> batch)
    {
        batch = default;
        if (budget.IsSpent)
            return false;
        // The log has checked what it serves; a second look at every checksum would cost more than all the rest.
        if (RecordBatchScanner.Validate(_batches.Span[_position..], checkCrc: false, out _, out int length) != RecordBatchStatus.Valid)
            return false;
        batch = _batches.Slice(_position, length);
        _position += length;
        return true;
    }

    /// <summary>Opens a batch that was taken.</summary>
    /// <param name="batch">The batch.</param>
    public StoredBatchReader Open(ReadOnlySpan<byte> batch)
    {
        var records = new StoredBatchReader(batch);
        budget.Spend(records.UnfoldedBytes);
        return records;
    }

    /// <summary>Notes that a record was taken.</summary>
    /// <param name="offset">Its offset.</param>
    public void EndRecord(long offset) => NextOffset = offset + 1;

    /// <summary>Notes that all of a batch was taken, or is to be passed over.</summary>
    /// <param name="header">Its header.</param>
    public void EndBatch(in RecordBatchHeader header) =>
        NextOffset = Math.Max(NextOffset, header.BaseOffset + header.LastOffsetDelta + 1);
}
