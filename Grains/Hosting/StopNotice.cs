using Microsoft.Extensions.Hosting;

namespace OrleansStream.Hosting;

/// <summary>
/// Lets a load balancer learn that this node will stop. For a moment the node reports that it is not ready, but still serves, and closes each
/// connection with its answer. Then it accepts no more connections, and finishes the requests under way.
/// </summary>
/// <param name="time">Times the notice.</param>
internal sealed class StopNotice(TimeProvider time) : IHostedLifecycleService
{
    /// <inheritdoc/>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.Delay(ClusterLimits.StopNotice, time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // The time for the stop is already over.
        }
    }

    /// <inheritdoc/>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
