using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>Holds each client to so many requests, and so many bytes of records, a second. A client that is idle costs nothing.</summary>
/// <remarks>
/// Token buckets that hold a second's worth, and at least one request of the largest size. A request whose length is known is refused when
/// it is too much now; a stream of unknown length is read no faster than the quota.
/// </remarks>
public sealed class ClientQuotas : IDisposable
{
    private readonly PartitionedRateLimiter<string>? _requests;
    private readonly PartitionedRateLimiter<string>? _bytes;
    private readonly int _burstBytes;

    /// <summary>Makes the quotas.</summary>
    /// <param name="options">The settings.</param>
    public ClientQuotas(IOptions<QuotaOptions> options)
    {
        var quota = options.Value;
        if (quota.RequestsPerSecond > 0)
            _requests = MakeBuckets(quota.RequestsPerSecond, quota.RequestsPerSecond, queue: 0);
        _burstBytes = Math.Max(quota.ProduceBytesPerSecond, TopicLimits.RequestBytesMax);
        if (quota.ProduceBytesPerSecond > 0)
            _bytes = MakeBuckets(quota.ProduceBytesPerSecond, _burstBytes, _burstBytes);
    }

    /// <summary>True when there is a quota of anything.</summary>
    public bool AreSet => _requests is not null || _bytes is not null;

    /// <summary>True when there is a quota of bytes.</summary>
    public bool CountBytes => _bytes is not null;

    /// <summary>Lets a request in.</summary>
    /// <param name="client">Who makes it.</param>
    /// <exception cref="StreamException">Its client's quota is used up.</exception>
    public void AdmitRequest(string client)
    {
        if (_requests is not null)
            Take(_requests, client, 1, "requests");
    }

    /// <summary>Lets the records of a request in whose length is known.</summary>
    /// <param name="client">Who makes it.</param>
    /// <param name="lengthBytes">The length.</param>
    /// <returns>False when they are more than a quota ever holds at once: then <see cref="AcquireBytesAsync"/> paces them.</returns>
    /// <exception cref="StreamException">Its client's quota is used up.</exception>
    public bool TryAdmitBytes(string client, long lengthBytes)
    {
        if (_bytes is null)
            return true;
        if (lengthBytes > _burstBytes)
            return false;
        Take(_bytes, client, (int)lengthBytes, "bytes of records");
        return true;
    }

    /// <summary>Waits until so many bytes may be taken.</summary>
    /// <param name="client">Who sends them.</param>
    /// <param name="lengthBytes">How many.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A lease; one that is not acquired means that others of the client wait for as much as there is.</returns>
    public ValueTask<RateLimitLease> AcquireBytesAsync(string client, int lengthBytes, CancellationToken cancellationToken) =>
        _bytes!.AcquireAsync(client, lengthBytes, cancellationToken);

    /// <inheritdoc/>
    public void Dispose()
    {
        _requests?.Dispose();
        _bytes?.Dispose();
    }

    private static PartitionedRateLimiter<string> MakeBuckets(int perSecond, int burst, int queue) =>
        PartitionedRateLimiter.Create<string, string>(client => RateLimitPartition.GetTokenBucketLimiter(
            client,
            _ => new TokenBucketRateLimiterOptions
            {
                TokensPerPeriod = perSecond,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
                TokenLimit = burst,
                QueueLimit = queue,
            }));

    private static void Take(PartitionedRateLimiter<string> limiter, string client, int count, string what)
    {
        using var lease = limiter.AttemptAcquire(client, count);
        if (lease.IsAcquired)
            return;
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var told) ? told : TimeSpan.FromSeconds(1);
        throw new StreamException(new StreamError(
            StreamErrorCode.ThrottlingQuotaExceeded, $"Client '{client}' has used up its quota of {what} a second at this server.")
        {
            RetryAfterMs = (int)Math.Min(wait.TotalMilliseconds, int.MaxValue),
        });
    }
}
