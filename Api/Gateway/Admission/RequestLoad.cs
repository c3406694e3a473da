using OrleansStream.Errors;

namespace OrleansStream.Gateway.Admission;

/// <summary>The memory of the node that one request with a body takes. Disposing returns all of it.</summary>
/// <param name="node">The node's memory.</param>
/// <param name="isProduce">
/// True when the batches made from the body live until the answer; false when the body is not needed after it was parsed.
/// </param>
public sealed class RequestLoad(NodeLoad node, bool isProduce = true) : IDisposable
{
    private long _bytes;

    /// <summary>The clock that waits are timed by.</summary>
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

    /// <summary>Takes memory, and waits for it up to <see cref="AdmissionLimits.StreamWaitMax"/> if there is too little.</summary>
    /// <param name="bytes">How much more.</param>
    /// <exception cref="StreamException">The node had too little all that time.</exception>
    public async ValueTask TakeAsync(long bytes)
    {
        if (!await node.TakeAsync(bytes, AdmissionLimits.StreamWaitMax))
            throw Full();
        _bytes += bytes;
    }

    /// <summary>Gives memory back before the request ends.</summary>
    /// <param name="bytes">How many bytes.</param>
    public void Return(long bytes)
    {
        _bytes -= bytes;
        node.Return(bytes);
    }

    /// <summary>Takes memory for a body, and for the batches that are made of it.</summary>
    /// <param name="bytes">The bytes by which the body may grow.</param>
    /// <exception cref="StreamException">The node has none left. Nothing of the request is stored yet.</exception>
    public void TakeForBody(long bytes) => Take(isProduce ? 2 * bytes : bytes);

    /// <summary>Returns the memory of a body that is no longer needed. A poll may go on for hours after it.</summary>
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
