using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace OrleansStream.Hosting;

/// <summary>Adds this process's readiness to the host's health checks, to which an operator may add others.</summary>
/// <param name="readiness">The readiness.</param>
internal sealed class ReadinessCheck(IReadiness readiness) : IHealthCheck
{
    /// <summary>The check's name.</summary>
    public const string Name = "readiness";

    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await readiness.FindObstacleAsync(cancellationToken) is { } obstacle ? HealthCheckResult.Unhealthy(obstacle) : HealthCheckResult.Healthy();
}
