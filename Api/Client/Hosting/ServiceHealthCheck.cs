using Microsoft.Extensions.Diagnostics.HealthChecks;
using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Hosting;

/// <summary>Asks the service whether it is ready.</summary>
/// <param name="client">The client that asks.</param>
internal sealed class ServiceHealthCheck(OrleansStreamClient client) : IHealthCheck
{
    /// <inheritdoc/>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await client.Admin.GetReadinessAsync(cancellationToken).ConfigureAwait(false);
            return HealthCheckResult.Healthy();
        }
        catch (StreamServiceException exception)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, exception.Message, exception);
        }
    }
}
