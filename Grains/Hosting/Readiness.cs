using Microsoft.Extensions.Hosting;

namespace OrleansStream.Hosting;

/// <summary>Decides whether this process is ready: it takes part in the cluster, reaches the storage, and does not stop.</summary>
/// <remarks>
/// It calls no grain. Otherwise the failure of one silo would take all nodes off the load balancer at once, although they can still serve the
/// partitions of the other silos.
/// </remarks>
/// <param name="cluster">This process's part in the cluster.</param>
/// <param name="store">Probes the storage.</param>
/// <param name="lifetime">Signals that the process stops.</param>
internal sealed class Readiness(IClusterPart cluster, StoreProbe store, IHostApplicationLifetime lifetime) : IReadiness
{
    /// <inheritdoc/>
    public async ValueTask<string?> FindObstacleAsync(CancellationToken cancellationToken = default)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return "The process is stopping.";
        if (cluster.FindObstacle() is { } obstacle)
            return obstacle;
        return await store.IsReachableAsync(cancellationToken) ? null : "The storage does not answer.";
    }
}

/// <summary>This process's part in the cluster: a silo, or a client.</summary>
internal interface IClusterPart
{
    /// <summary>Returns the reason why this process cannot call grains; null when it can.</summary>
    string? FindObstacle();
}

/// <summary>A silo of this process.</summary>
/// <param name="status">The silo's own view of itself.</param>
internal sealed class SiloPart(ISiloStatusOracle status) : IClusterPart
{
    /// <inheritdoc/>
    public string? FindObstacle() => status.CurrentStatus == SiloStatus.Active
        ? null
        : $"The silo has not joined its cluster, or is leaving it: it is {status.CurrentStatus}.";
}

/// <summary>A client in this process. Orleans notifies it of the count of connected silos.</summary>
internal sealed class ClientPart : IClusterPart
{
    private volatile int _gatewayCount;

    /// <summary>Notes that a connection was made or lost.</summary>
    /// <param name="sender">Not used.</param>
    /// <param name="change">The new count of connections.</param>
    public void OnGatewayCountChanged(object? sender, GatewayCountChangedEventArgs change) =>
        _gatewayCount = change.NumberOfConnectedGateways;

    /// <inheritdoc/>
    public string? FindObstacle() => _gatewayCount > 0 ? null : "No silo of the cluster is connected.";
}
