using System.Threading.RateLimiting;
using OrleansStream.Rest.Http.Codings;

namespace OrleansStream.Rest.Http;

/// <summary>A request's body that is read no faster than a quota allows: its sender feels it as a slow reader.</summary>
/// <param name="inner">The body.</param>
/// <param name="acquire">Waits until so many bytes may be taken.</param>
internal sealed class MeteredBody(Stream inner, Func<int, ValueTask<RateLimitLease>> acquire) : BodyStream
{
    private int _hasWaited;

    /// <summary>Whether the quota has held the body up since this was last asked: then it is not its sender that is slow.</summary>
    public bool TakeHasWaited() => Interlocked.Exchange(ref _hasWaited, 0) == 1;

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        // A lease that is not given means that others of the client wait for as much as there is: the bytes have come, so only time helps.
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
