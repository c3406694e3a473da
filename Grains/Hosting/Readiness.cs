using Microsoft.Extensions.Hosting;

namespace OrleansStream.Hosting;

/// <summary>Ready is a process that has a part in the cluster and reaches the storage.</summary>
/// <remarks>
/// It asks no grain: one silo's failure would take all nodes off the load balancer at once, though they serve what the others lead.
/// </remarks>
/// <param name="cluster">Tells this process's part in the cluster.</param>
/// <param name="store">Tells whether the storage answers.</param>
/// <param name="lifetime">Tells that the process stops.</param>
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
    /// <summary>Finds what keeps it from calling grains; null when nothing does.</summary>
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

/// <summary>A client of this process, told how many silos it is connected to.</summary>
internal sealed class ClientPart : IClusterPart
{
    private volatile int _gatewayCount;

    /// <summary>Takes note of a connection that was made or lost.</summary>
    /// <param name="sender">Not used.</param>
    /// <param name="change">How many there are now.</param>
    public void OnGatewayCountChanged(object? sender, GatewayCountChangedEventArgs change) =>
        _gatewayCount = change.NumberOfConnectedGateways;

    /// <inheritdoc/>
    public string? FindObstacle() => _gatewayCount > 0 ? null : "No silo of the cluster is connected.";
}
