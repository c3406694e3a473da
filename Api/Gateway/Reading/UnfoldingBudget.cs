using OrleansStream.Gateway.Admission;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Bounds what may be decompressed for one answer, in all and at a time. A few compressed bytes may decompress to very many, and a batch that cannot
/// be decompressed costs as much as one that can. Without a bound one small request could mean minutes of work.
/// </summary>
/// <remarks>
/// The size of a batch is known only after it was decompressed, so it is counted after that. Decompression waits for nothing, so a node has at most
/// one uncounted batch per thread.
/// </remarks>
/// <param name="load">The memory of the answer.</param>
public sealed class UnfoldingBudget(AnswerLoad load)
{
    private long _unfoldedBytes;

    /// <summary>True once enough was decompressed. The answer ends with what it has, and the next one goes on there.</summary>
    public bool IsSpent => IsRefused || _unfoldedBytes >= ReadingLimits.UnfoldedBytesPerAnswerMax;

    /// <summary>True once the node had no memory for a batch. The answer ends before that batch.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Opens a batch, if the node has the memory.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <returns>The batch, to be passed to <see cref="Close"/>; null when there is no memory.</returns>
    public OpenBatch? Open(ReadOnlyMemory<byte> batch)
    {
        var open = new OpenBatch(batch);
        _unfoldedBytes += open.UnfoldedBytes;
        if (load.TryTake(open.MemoryBytes))
            return open;
        IsRefused = true;
        open.Dispose();
        return null;
    }

    /// <summary>Closes a batch, and gives its memory back.</summary>
    /// <param name="batch">The batch.</param>
    public void Close(OpenBatch batch)
    {
        var memoryBytes = batch.MemoryBytes;
        batch.Dispose();
        load.Return(memoryBytes);
    }
}
