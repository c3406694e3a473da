using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Clustering;
using OrleansStream.Storage;

namespace OrleansStream.Hosting;

/// <summary>Knows whether the storage answered lately. It reads one small document at most once in a period, however often it is asked.</summary>
/// <param name="documents">The storage.</param>
/// <param name="cluster">The cluster whose table of members is read. The answer that there is no table also counts as an answer.</param>
/// <param name="time">Times the probes, and the silence between answers.</param>
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
        // The probe runs outside the caller's lock, and with its own deadline instead of the first caller's.
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
