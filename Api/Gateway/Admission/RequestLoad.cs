using OrleansStream.Errors;

namespace OrleansStream.Gateway.Admission;

/// <summary>What one produce request takes of its node's memory; all of it goes back when the request ends, however it ends.</summary>
/// <param name="node">The node's memory.</param>
public sealed class RequestLoad(NodeLoad node) : IDisposable
{
    private long _bytes;

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">The node has none left. Nothing of the request is stored yet.</exception>
    public void Take(long bytes)
    {
        if (!node.TryTake(bytes))
        {
            throw new StreamException(new StreamError(
                StreamErrorCode.ThrottlingQuotaExceeded,
                $"This server has {node.Bytes} bytes of requests that are not answered yet; it takes at most {node.BytesMax}.")
            {
                RetryAfterMs = (int)node.DrainTime().TotalMilliseconds,
            });
        }

        _bytes += bytes;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        node.Return(_bytes);
        _bytes = 0;
    }
}
