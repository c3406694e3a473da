using OrleansStream.Gateway.Admission;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// What may be unfolded for one answer, in all and at a time. A few bytes that a producer compressed may unfold to very many, and a batch that
/// cannot be unfolded costs as much as one that can: without a bound one small request would be work for minutes.
/// </summary>
/// <remarks>
/// Nobody knows before a batch is unfolded what it takes, so that is counted behind it. Unfolding does not wait for anything: a node has at
/// most one uncounted batch per thread.
/// </remarks>
/// <param name="load">The memory of the answer.</param>
public sealed class UnfoldingBudget(AnswerLoad load)
{
    private long _unfoldedBytes;

    /// <summary>True once enough was unfolded: the answer ends behind what it holds, and the next one goes on there.</summary>
    public bool IsSpent => IsRefused || _unfoldedBytes >= ReadingLimits.UnfoldedBytesPerAnswerMax;

    /// <summary>True once the node had no memory for a batch: the answer ends before it.</summary>
    public bool IsRefused { get; private set; }

    /// <summary>Opens a batch, when the node has the memory.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <returns>The batch, to be given to <see cref="Close"/>; null when there is no memory.</returns>
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
