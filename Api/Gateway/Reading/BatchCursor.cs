using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>Walks the batches of a fetch, and knows the exact offset at which to read on.</summary>
/// <param name="response">The fetch, which has no error.</param>
/// <param name="budget">Bounds what is decompressed. Once it is spent, no further batch is returned.</param>
public sealed class BatchCursor(FetchResponse response, UnfoldingBudget budget)
{
    private readonly ReadOnlyMemory<byte> _batches = response.Batches;
    private int _position;

    /// <summary>The offset behind the last record that was taken.</summary>
    public long NextOffset { get; private set; } = response.Offset;

    /// <summary>Opens the next batch.</summary>
    /// <returns>The batch, to be passed to <see cref="Close"/>; null when there is none, or nothing more may be decompressed.</returns>
    public OpenBatch? OpenNext() => TryTakeBatch(out var batch) ? budget.Open(batch) : null;

    /// <summary>Closes a batch.</summary>
    /// <param name="batch">The batch.</param>
    public void Close(OpenBatch batch) => budget.Close(batch);

    /// <summary>Records that a record was taken.</summary>
    /// <param name="offset">Its offset.</param>
    public void EndRecord(long offset) => NextOffset = offset + 1;

    /// <summary>Records that a whole batch was taken, or is to be skipped.</summary>
    /// <param name="header">Its header.</param>
    public void EndBatch(in RecordBatchHeader header) =>
        NextOffset = Math.Max(NextOffset, header.BaseOffset + header.LastOffsetDelta + 1);

    private bool TryTakeBatch(out ReadOnlyMemory<byte> batch)
    {
        batch = default;
        if (budget.IsSpent)
            return false;
        // The log has checked what it serves, and checking every checksum again would cost more than everything else here.
        if (RecordBatchScanner.Validate(_batches.Span[_position..], checkCrc: false, out _, out var length) != RecordBatchStatus.Valid)
            return false;
        batch = _batches.Slice(_position, length);
        _position += length;
        return true;
    }
}
