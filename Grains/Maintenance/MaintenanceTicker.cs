using Microsoft.Extensions.Logging;
using OrleansStream.Instrumentation;
using OrleansStream.Randomness;

namespace OrleansStream.Maintenance;

/// <summary>Asks for a sweep now and then, on every silo, because grains do nothing until they are called.</summary>
/// <param name="grains">Gets the grain that sweeps.</param>
/// <param name="time">Times the rounds.</param>
/// <param name="random">Where the moment of the first sweep comes from.</param>
/// <param name="logger">Logs failures.</param>
internal sealed partial class MaintenanceTicker(IGrainFactory grains, TimeProvider time, RandomSource random, ILogger<MaintenanceTicker> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private ITimer? _timer;

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(MaintenanceTicker), ServiceLifecycleStage.Active, Start, Stop);

    private Task Start(CancellationToken cancellationToken)
    {
        // Each silo starts at another moment, and none while the cluster is still being formed.
        var first = MaintenanceLimits.TickPeriod * (0.5 + (random.NextDouble() / 2));
        _timer = OutsideRequest.CreateTimer(time, _ => TickAsync().Ignore(), null, first, MaintenanceLimits.TickPeriod);
        return Task.CompletedTask;
    }

    private Task Stop(CancellationToken cancellationToken) => _timer?.DisposeAsync().AsTask() ?? Task.CompletedTask;

    private async Task TickAsync()
    {
        try
        {
            await grains.GetGrain<IMaintenanceGrain>(IMaintenanceGrain.Key).TickAsync();
        }
        catch (Exception e)
        {
            LogNotTicked(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "No sweep could be asked for")]
    private partial void LogNotTicked(Exception exception);
}
