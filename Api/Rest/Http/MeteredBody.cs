using System.Threading.RateLimiting;
using OrleansStream.Rest.Http.Codings;

namespace OrleansStream.Rest.Http;

/// <summary>A request's body that is read no faster than a quota allows. To its sender it looks like a slow reader.</summary>
/// <param name="inner">The body as it comes from the connection.</param>
/// <param name="acquire">Waits until a count of bytes may be taken.</param>
internal sealed class MeteredBody(Stream inner, Func<int, ValueTask<RateLimitLease>> acquire) : BodyStream
{
    private int _hasWaited;

    /// <summary>Whether the quota has delayed the body since the last call of this method. Then its sender is not at fault.</summary>
    public bool TakeHasWaited() => Interlocked.Exchange(ref _hasWaited, 0) == 1;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        // Without a lease, other requests of the client wait for all that the quota gives. The bytes have come already, so only waiting helps.
        for (var left = count; left > 0;)
        {
            var part = Math.Min(left, HttpLimits.MeteredReadBytes);
            var taking = acquire(part);
            if (!taking.IsCompleted)
                Volatile.Write(ref _hasWaited, 1);
            using var lease = await taking;
            if (lease.IsAcquired)
            {
                left -= part;
                continue;
            }

            Volatile.Write(ref _hasWaited, 1);
            await Task.Yield();
        }

        return count;
    }
}
