using Azure.Core;
using Azure.Core.Pipeline;
using OrleansStream.Rates;

namespace OrleansStream.Storage.Azure;

/// <summary>The requests of this process to its account, by the classes that Azure bills.</summary>
/// <remarks>
/// Each try is counted when it is sent, because each is billed. Deletions are free. Listings cost as much as writes
/// (https://azure.microsoft.com/pricing/details/storage/blobs/). Safe to call from any thread.
/// </remarks>
/// <param name="time">Times the window over which requests are counted.</param>
public sealed class BlobUsage(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly RateMeter _appendsPerSecond = new(time, AzureBlobLimits.UsageWindow);
    private readonly RateMeter _writesPerSecond = new(time, AzureBlobLimits.UsageWindow);
    private readonly RateMeter _readsPerSecond = new(time, AzureBlobLimits.UsageWindow);
    private BlobRequests _total;

    /// <summary>The count of requests since the process started.</summary>
    public BlobRequests Total
    {
        get
        {
            lock (_gate)
                return _total;
        }
    }

    /// <summary>The requests a second, over the last minute.</summary>
    public BlobRequestRates PerSecond
    {
        get
        {
            lock (_gate)
                return new BlobRequestRates(_appendsPerSecond.PerSecond, _writesPerSecond.PerSecond, _readsPerSecond.PerSecond);
        }
    }

    /// <summary>Counts every request that a client sends.</summary>
    internal HttpPipelinePolicy Policy => new CountingPolicy(this);

    private void Count(RequestMethod method, string query)
    {
        if (method == RequestMethod.Delete)
            return;
        var isRead = (method == RequestMethod.Get || method == RequestMethod.Head) && !query.Contains("comp=list", StringComparison.Ordinal);
        var isAppend = query.Contains("comp=appendblock", StringComparison.Ordinal);
        lock (_gate)
        {
            _total = new BlobRequests(_total.Appends + (isAppend ? 1 : 0), _total.Writes + (isRead ? 0 : 1), _total.Reads + (isRead ? 1 : 0));
            if (isAppend)
                _appendsPerSecond.Add(1);
            (isRead ? _readsPerSecond : _writesPerSecond).Add(1);
        }
    }

    private sealed class CountingPolicy(BlobUsage usage) : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message) => usage.Count(message.Request.Method, message.Request.Uri.Query ?? "");
    }
}

/// <summary>Requests to an account.</summary>
/// <param name="Appends">The appends to segments, which are also among the writes.</param>
/// <param name="Writes">The requests that are billed as writes.</param>
/// <param name="Reads">The requests that are billed as reads.</param>
public readonly record struct BlobRequests(long Appends, long Writes, long Reads);

/// <summary>Requests per second to an account.</summary>
/// <param name="Appends">The appends to segments, which are also among the writes.</param>
/// <param name="Writes">The requests that are billed as writes.</param>
/// <param name="Reads">The requests that are billed as reads.</param>
public readonly record struct BlobRequestRates(double Appends, double Writes, double Reads);
