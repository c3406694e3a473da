using OrleansStream.Errors;

namespace OrleansStream.Gateway.Admission;

/// <summary>What one answer takes of its node's memory; all of it goes back when the answer ends, however it ends. Safe for any thread.</summary>
/// <param name="node">The node's memory.</param>
public sealed class AnswerLoad(NodeAnswers node) : IDisposable
{
    private long _bytes;

    /// <summary>Why an answer is refused that finds no memory. Nothing of what was to be read is lost.</summary>
    public StreamError Refusal => new(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"This server holds {node.Bytes} bytes of answers that their readers have not taken yet, of at most {node.BytesMax}. Read again from the same place.")
    {
        RetryAfterMs = (int)node.DrainTime().TotalMilliseconds,
    };

    /// <summary>Takes memory, when there is as much.</summary>
    /// <param name="bytes">How much more.</param>
    public bool TryTake(long bytes)
    {
        if (bytes > 0 && !node.TryTake(bytes))
            return false;
        Interlocked.Add(ref _bytes, bytes);
        return true;
    }

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">There is not as much.</exception>
    public void Take(long bytes)
    {
        if (!TryTake(bytes))
            throw new StreamException(Refusal);
    }

    /// <summary>Gives memory back before the answer ends.</summary>
    /// <param name="bytes">How much.</param>
    public void Return(long bytes)
    {
        if (bytes == 0)
            return;
        Interlocked.Add(ref _bytes, -bytes);
        node.Return(bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => Return(Interlocked.Read(ref _bytes));
}
