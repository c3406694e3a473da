using System.Collections.Concurrent;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Instrumentation;
using OrleansStream.Gateway.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Admission;

/// <summary>Bounds the requests per second, and the bytes of records per second, of each client. An idle client costs nothing.</summary>
/// <remarks>
/// Each client has token buckets for one second, and at least for one request of the largest size. A request whose length is known is refused if the
/// bucket has too little; a stream of unknown length is read no faster than the quota. A door that receives a request before it can refuse it charges
/// the client afterwards: the client is then in debt, and nothing else of it is admitted until the debt is paid.
/// </remarks>
public sealed class ClientQuotas : IDisposable
{
    private readonly PartitionedRateLimiter<string>? _requests;
    private readonly PartitionedRateLimiter<string>? _bytes;
    private readonly int _burstBytes;
    private readonly TimeProvider _time;

    // What a client owes until all of it is paid; most clients owe nothing, and are not here.
    private readonly ConcurrentDictionary<string, Task> _owed = new(StringComparer.Ordinal);

    /// <summary>Makes the quotas.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="time">Waits between two tries to pay a debt. The buckets themselves fill by the machine's clock.</param>
    public ClientQuotas(IOptions<QuotaOptions> options, TimeProvider time)
    {
        _time = time;
        var quota = options.Value;
        if (quota.RequestsPerSecond > 0)
            _requests = MakeBuckets(quota.RequestsPerSecond, quota.RequestsPerSecond, AdmissionLimits.RequestsOwedMax);
        _burstBytes = Math.Max(quota.ProduceBytesPerSecond, TopicLimits.RequestBytesMax);
        if (quota.ProduceBytesPerSecond > 0)
            _bytes = MakeBuckets(quota.ProduceBytesPerSecond, _burstBytes, _burstBytes);
    }

    /// <summary>True when at least one quota is set.</summary>
    public bool AreSet => _requests is not null || _bytes is not null;

    /// <summary>True when the quota of bytes is set.</summary>
    public bool CountBytes => _bytes is not null;

    /// <summary>Admits a request.</summary>
    /// <param name="client">Who makes it.</param>
    /// <exception cref="StreamException">Its client's quota is used up.</exception>
    public void AdmitRequest(string client)
    {
        if (_requests is not null)
            Take(_requests, client, 1, "requests");
    }

    /// <summary>Admits the records of a request whose length is known.</summary>
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

    /// <summary>Waits until the client's quota has room for more bytes.</summary>
    /// <param name="client">Who sends them.</param>
    /// <param name="lengthBytes">How many bytes.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>A lease. It is not acquired when other requests of the client already wait for the whole quota.</returns>
    public ValueTask<RateLimitLease> AcquireBytesAsync(string client, int lengthBytes, CancellationToken cancellationToken) =>
        _bytes!.AcquireAsync(client, lengthBytes, cancellationToken);

    /// <summary>Charges a client for a request that it has sent, also when that is more than it may send now.</summary>
    /// <param name="client">Who has sent it.</param>
    /// <param name="produceBytes">The bytes of the request, if it has records; else 0.</param>
    /// <returns>What the client owes; nothing more of it is to be taken until that is paid.</returns>
    public QuotaDebt Charge(string client, int produceBytes)
    {
        var requests = Charge(_requests, client, 1);
        var bytes = produceBytes > 0 ? Charge(_bytes, client, Math.Min(produceBytes, _burstBytes)) : default;
        return requests.Wait > bytes.Wait ? requests : bytes;
    }

    /// <summary>Waits until a client has paid what it owes now, whichever of its connections it owes it for.</summary>
    /// <param name="client">The client.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask WaitUntilPaidAsync(string client, CancellationToken cancellationToken)
    {
        if (_owed.TryGetValue(client, out var owed))
            await owed.WaitAsync(cancellationToken);
    }

    /// <summary>Who a quota is of: the principal; where nobody signs in, whom the client says that it is; else its address.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="isOpen">True where nobody signs in. Elsewhere anybody could say that it is somebody else, or many.</param>
    public static string NameOf(Caller caller, bool isOpen)
    {
        ArgumentNullException.ThrowIfNull(caller);
        if (caller.IsSignedIn)
            return caller.Principal.ToString();
        var named = isOpen && caller.ClientId is { Length: > 0 } id ? id : caller.Address?.ToString() ?? "unknown";
        return named.Length <= AdmissionLimits.ClientIdLengthMax ? named : named[..AdmissionLimits.ClientIdLengthMax];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _requests?.Dispose();
        _bytes?.Dispose();
    }

    private QuotaDebt Charge(PartitionedRateLimiter<string>? limiter, string client, int count)
    {
        if (limiter is null)
            return default;
        using var lease = limiter.AttemptAcquire(client, count);
        if (lease.IsAcquired)
            return default;
        var paid = PayAsync(limiter, client, count);
        var all = _owed.AddOrUpdate(client, paid, (_, before) => Task.WhenAll(before, paid));
        _ = ForgetAsync(client, all);
        return new QuotaDebt(WaitOf(lease), paid);
    }

    private async Task ForgetAsync(string client, Task all)
    {
        await all;
        _owed.TryRemove(new(client, all));
    }

    // The debt is the client's and not its connection's: who connects anew does not get rid of it.
    private async Task PayAsync(PartitionedRateLimiter<string> limiter, string client, int count)
    {
        try
        {
            while (true)
            {
                using var lease = await limiter.AcquireAsync(client, count);
                if (lease.IsAcquired)
                    return;
                await Task.Delay(AdmissionLimits.DebtPause, _time);
            }
        }
        catch (ObjectDisposedException)
        {
            // The service stops, and with it all debts.
        }
    }

    private static TimeSpan WaitOf(RateLimitLease lease) =>
        lease.TryGetMetadata(MetadataName.RetryAfter, out var told) ? told : TimeSpan.FromSeconds(1);

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

    private void Take(PartitionedRateLimiter<string> limiter, string client, int count, string what)
    {
        using var lease = limiter.AttemptAcquire(client, count);
        if (lease.IsAcquired)
            return;
        var wait = WaitOf(lease);
        GatewayInstruments.QuotaRefused(ReferenceEquals(limiter, _requests) ? "requests" : "bytes");
        throw new StreamException(new StreamError(
            StreamErrorCode.ThrottlingQuotaExceeded, $"Client '{client}' has used up its quota of {what} a second at this server.")
        {
            RetryAfterMs = (int)Math.Min(wait.TotalMilliseconds, int.MaxValue),
        });
    }
}

/// <summary>What a client owes for a request.</summary>
/// <param name="Wait">How long it takes to pay that, about; zero when it owes nothing.</param>
/// <param name="Paid">Ends when it is paid; null when it owes nothing.</param>
public readonly record struct QuotaDebt(TimeSpan Wait, Task? Paid);
