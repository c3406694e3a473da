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

    /// <summary>True when more than half of the node's memory is taken.</summary>
    public bool IsNodeHalfTaken => node.IsHalfTaken;

    /// <summary>Takes memory.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">The node has none left. Nothing of the request is stored yet.</exception>
    public void Take(long bytes)
    {
        if (!node.TryTake(bytes))
            throw Full();
        _bytes += bytes;
    }

    /// <summary>Takes memory, and waits for it up to <see cref="AdmissionLimits.StreamWaitMax"/> where there is not as much.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">The node has had none left all that time.</exception>
    public async ValueTask TakeAsync(long bytes)
    {
        if (!await node.TakeAsync(bytes, AdmissionLimits.StreamWaitMax))
            throw Full();
        _bytes += bytes;
    }

    /// <summary>Gives memory back before the request ends.</summary>
    /// <param name="bytes">How much.</param>
    public void Return(long bytes)
    {
        _bytes -= bytes;
        node.Return(bytes);
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

    private StreamException Full() => new(new StreamError(
        StreamErrorCode.ThrottlingQuotaExceeded,
        $"This server has {node.Bytes} bytes of requests that are not answered yet; it takes at most {node.BytesMax}, and of one request a part of what is free.")
    {
        RetryAfterMs = (int)node.DrainTime().TotalMilliseconds,
    });
}
