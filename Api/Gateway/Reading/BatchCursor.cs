using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Walks the batches of a fetch and knows the exact offset to read on from.</summary>
/// <param name="response">The fetch, without an error.</param>
/// <param name="budget">What may be unfolded; no further batch is given out once it is spent.</param>
public sealed class BatchCursor(FetchResponse response, UnfoldingBudget budget)
{
    private readonly ReadOnlyMemory<byte> _batches = response.Batches;
    private int _position;

    /// <summary>The offset behind the last record that was taken.</summary>
    public long NextOffset { get; private set; } = response.Offset;

    /// <summary>Opens the next batch.</summary>
    /// <returns>The batch, to be given to <see cref="Close"/>; null when there is none, or nothing more may be unfolded.</returns>
    public OpenBatch? OpenNext() => TryTakeBatch(out var batch) ? budget.Open(batch) : null;

    /// <summary>Closes a batch.</summary>
    /// <param name="batch">The batch.</param>
    public void Close(OpenBatch batch) => budget.Close(batch);

    /// <summary>Notes that a record was taken.</summary>
    /// <param name="offset">Its offset.</param>
    public void EndRecord(long offset) => NextOffset = offset + 1;

    /// <summary>Notes that all of a batch was taken, or is to be passed over.</summary>
    /// <param name="header">Its header.</param>
    public void EndBatch(in RecordBatchHeader header) =>
        NextOffset = Math.Max(NextOffset, header.BaseOffset + header.LastOffsetDelta + 1);

    private bool TryTakeBatch(out ReadOnlyMemory<byte> batch)
    {
        batch = default;
        if (budget.IsSpent)
            return false;
        // The log has checked what it serves; a second look at every checksum would cost more than all the rest.
        if (RecordBatchScanner.Validate(_batches.Span[_position..], checkCrc: false, out _, out var length) != RecordBatchStatus.Valid)
            return false;
        batch = _batches.Slice(_position, length);
        _position += length;
        return true;
    }
}
