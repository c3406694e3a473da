using Microsoft.Extensions.Hosting;

namespace OrleansStream.Hosting;

/// <summary>
/// Lets a load balancer learn that this node stops before it does: for a moment the node is not ready, and serves on, each answer the last
/// of its connection. Then it takes no more connections, and answers what is under way.
/// </summary>
/// <param name="time">The clock to wait by.</param>
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
            // The time to stop is over already.
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
