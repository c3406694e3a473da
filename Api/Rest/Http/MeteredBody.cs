using System.Threading.RateLimiting;
using OrleansStream.Rest.Http.Codings;

namespace OrleansStream.Rest.Http;

/// <summary>A request's body that is read no faster than a quota allows: its sender feels it as a slow reader.</summary>
/// <param name="inner">The body.</param>
/// <param name="acquire">Waits until so many bytes may be taken.</param>
internal sealed class MeteredBody(Stream inner, Func<int, ValueTask<RateLimitLease>> acquire) : BodyStream
{
    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        int count = await inner.ReadAsync(buffer, cancellationToken);
        // A lease that is not given means that others of the client wait for as much as there is: the bytes have come, so only time helps.
        for (int left = count; left > 0;)
        {
            int part = Math.Min(left, HttpLimits.MeteredReadBytes);
            using RateLimitLease lease = await acquire(part);
            if (lease.IsAcquired)
                left -= part;
            else
                await Task.Yield();
        }

        return count;
    }
}
