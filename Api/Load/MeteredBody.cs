using System.Threading.RateLimiting;

namespace OrleansStream.Api.Load;

/// <summary>A request's body that is read no faster than a quota allows: its sender feels it as a slow reader.</summary>
/// <param name="inner">The body.</param>
/// <param name="acquire">Waits until so many bytes may be taken.</param>
internal sealed class MeteredBody(Stream inner, Func<int, ValueTask<RateLimitLease>> acquire) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await inner.ReadAsync(buffer, cancellationToken);
        // A lease that is not given means that others of the client wait for as much as there is: the bytes have come, so only time helps.
        for (int left = count; left > 0;)
        {
            int part = Math.Min(left, Limits.MeteredReadBytes);
            using RateLimitLease lease = await acquire(part);
            if (lease.IsAcquired)
                left -= part;
            else
                await Task.Yield();
        }

        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush() => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
