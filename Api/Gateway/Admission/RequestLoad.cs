using OrleansStream.Errors;

namespace OrleansStream.Gateway.Admission;

/// <summary>What one request with a body takes of its node's memory; all of it goes back when the request ends, however it ends.</summary>
/// <param name="node">The node's memory.</param>
/// <param name="isProduce">True when what is made of the body lives until the answer; false when it is done with once it is parsed.</param>
public sealed class RequestLoad(NodeLoad node, bool isProduce = true) : IDisposable
{
    private long _bytes;

    /// <summary>The clock.</summary>
    public TimeProvider Time => node.Time;

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">The node has none left. Nothing of the request is stored yet.</exception>
    public void Take(long bytes)
    {
        if (!node.TryTake(bytes))
        {
            throw new StreamException(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"This server has {node.Bytes} bytes of requests that are not answered yet; it takes at most {node.BytesMax}, and of one request a part of what is free.")
            {
                RetryAfterMs = (int)node.DrainTime().TotalMilliseconds,
            });
        }

        _bytes += bytes;
    }

    /// <summary>Takes memory for a body, and for the batches that are made of it.</summary>
    /// <param name="bytes">How much longer the body may get.</param>
    /// <exception cref="StreamException">The node has none left. Nothing of the request is stored yet.</exception>
    public void TakeForBody(long bytes) => Take(isProduce ? 2 * bytes : bytes);

    /// <summary>Notes that the body is no longer needed. A poll may go on for hours behind it.</summary>
    public void EndBody()
    {
        if (!isProduce)
            Dispose();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        node.Return(_bytes);
        _bytes = 0;
    }
}
