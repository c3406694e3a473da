using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Clustering;
using OrleansStream.Storage;

namespace OrleansStream.Hosting;

/// <summary>Tells whether the storage answered lately, by reading one small document now and then, however often it is asked.</summary>
/// <param name="documents">The storage.</param>
/// <param name="cluster">Whose table of members is read; that there is none is an answer too.</param>
/// <param name="time">The clock.</param>
internal sealed class StoreProbe(IDocumentStore documents, IOptions<ClusterOptions> cluster, TimeProvider time)
{
    private readonly string _name = MembershipDocument.NameOf(cluster.Value.ClusterId);
    private readonly Lock _lock = new();
    private Task _probe = Task.CompletedTask;
    private long? _answered;

    /// <summary>Tells whether the storage answered within <see cref="ClusterLimits.StoreSilenceMax"/>.</summary>
    /// <param name="cancellationToken">Ends the wait, which is at most <see cref="ClusterLimits.StoreProbeTimeout"/>.</param>
    public async ValueTask<bool> IsReachableAsync(CancellationToken cancellationToken = default)
    {
        Task probe;
        lock (_lock)
        {
            if (_probe.IsCompleted && !HasAnsweredWithin(ClusterLimits.StoreProbePeriod))
                _probe = ProbeAsync();
            probe = _probe;
        }

        await probe.WaitAsync(cancellationToken);
        lock (_lock)
            return HasAnsweredWithin(ClusterLimits.StoreSilenceMax);
    }

    private async Task ProbeAsync()
    {
        // Not under the caller's lock, and not as long as the first caller likes.
        await Task.Yield();
        using var deadline = new CancellationTokenSource(ClusterLimits.StoreProbeTimeout, time);
        try
        {
            await documents.ReadAsync(_name, deadline.Token).AsTask().WaitAsync(deadline.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
        {
            return;
        }

        lock (_lock)
            _answered = time.GetTimestamp();
    }

    private bool HasAnsweredWithin(TimeSpan age) => _answered is { } answered && time.GetElapsedTime(answered) < age;
}
