using System.Buffers;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using OrleansStream.Api.Errors;
using OrleansStream.Errors;

namespace OrleansStream.Api.Load;

/// <summary>Holds each client to so many requests, and so many bytes of records, a second. A client that is idle costs nothing.</summary>
/// <remarks>
/// Token buckets that hold a second's worth, and at least one request of the largest size. A request whose length is known is refused when
/// it is too much now; a stream of unknown length is read no faster than the quota.
/// </remarks>
internal sealed class ClientQuotas : IDisposable
{
    /// <summary>The header by which a client names itself.</summary>
    public const string ClientHeader = "Client-Id";

    private static readonly SearchValues<char> IdCharacters =
        SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");

    private readonly PartitionedRateLimiter<string>? _requests;
    private readonly PartitionedRateLimiter<string>? _bytes;
    private readonly int _burstBytes;

    /// <summary>Makes the quotas.</summary>
    /// <param name="options">The settings.</param>
    public ClientQuotas(IOptions<QuotaOptions> options)
    {
        QuotaOptions quota = options.Value;
        if (quota.RequestsPerSecond > 0)
            _requests = MakeBuckets(quota.RequestsPerSecond, quota.RequestsPerSecond, queue: 0);
        _burstBytes = Math.Max(quota.ProduceBytesPerSecond, Limits.RequestBytesMax);
        if (quota.ProduceBytesPerSecond > 0)
            _bytes = MakeBuckets(quota.ProduceBytesPerSecond, _burstBytes, _burstBytes);
    }

    /// <summary>Lets a request in.</summary>
    /// <param name="context">The request.</param>
    /// <param name="isProduce">Whether its body's bytes count.</param>
    /// <exception cref="RequestException">Its client's quota is used up, or the client's name is none.</exception>
    public void Admit(HttpContext context, bool isProduce)
    {
        if (_requests is null && _bytes is null)
            return;
        string client = ClientOf(context);
        if (_requests is not null)
            Take(_requests, client, 1, "requests");
        if (_bytes is null || !isProduce)
            return;
        if (context.Request.ContentLength is { } length && length <= _burstBytes)
            Take(_bytes, client, (int)length, "bytes of records");
        else
            context.Request.Body = new MeteredBody(context.Request.Body, count => _bytes.AcquireAsync(client, count, context.RequestAborted));
    }

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
        using RateLimitLease lease = limiter.AttemptAcquire(client, count);
        if (lease.IsAcquired)
            return;
        TimeSpan wait = lease.TryGetMetadata(MetadataName.RetryAfter, out TimeSpan told) ? told : TimeSpan.FromSeconds(1);
        throw new RequestException(new StreamError(
            StreamErrorCode.ThrottlingQuotaExceeded, $"Client '{client}' has used up its quota of {what} a second at this server.")
        {
            RetryAfterMs = (int)Math.Min(wait.TotalMilliseconds, int.MaxValue),
        });
    }

    private static string ClientOf(HttpContext context)
    {
        if (context.Request.Headers.TryGetValue(ClientHeader, out Microsoft.Extensions.Primitives.StringValues named))
        {
            string id = named.ToString();
            return id.Length is > 0 and <= Limits.ClientIdLengthMax && !id.AsSpan().ContainsAnyExcept(IdCharacters) ? id
                : throw RequestException.Malformed(
                    ClientHeader, $"'{ClientHeader}' must be 1 to {Limits.ClientIdLengthMax} letters, digits, '.', '_' or '-'.");
        }

        return context.Connection.RemoteIpAddress?.ToString() ?? "unknown";
    }
}
