using OrleansStream.Errors;

namespace OrleansStream.Gateway.Admission;

/// <summary>The memory of the node that one answer takes. Disposing returns all of it. Safe for any thread.</summary>
/// <param name="node">The node's memory.</param>
public sealed class AnswerLoad(NodeAnswers node) : IDisposable
{
    private long _bytes;

    /// <summary>The error of an answer for which there is no memory. No record is lost by it.</summary>
    public StreamError Refusal => new(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"This server holds {node.Bytes} bytes of answers that their readers have not taken yet, of at most {node.BytesMax}. Read again from the same place.")
    {
        RetryAfterMs = (int)node.DrainTime().TotalMilliseconds,
    };

    /// <summary>Takes memory if there is enough.</summary>
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
    /// <param name="bytes">How many bytes.</param>
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
