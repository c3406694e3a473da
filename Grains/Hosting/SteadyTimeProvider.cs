using Microsoft.Extensions.Logging;

namespace OrleansStream.Hosting;

/// <summary>The system's clock for a silo's process, which never goes back.</summary>
/// <remarks>
/// Orleans uses this clock to decide when a new activation may be collected, and when its timers are next due. It refuses an activation whose time
/// lies before what it has already scheduled. So a silo whose clock is set back would open no more grains, and would neither read the list of members
/// nor probe the others, until the old time came again. Therefore, when the system's clock is set back, this clock runs at half speed until the
/// system's clock has caught up. When the system's clock is set ahead, this clock follows at once. Elapsed time is the system's, which no setting of
/// the clock changes. Safe to use from any thread.
/// </remarks>
internal sealed partial class SteadyTimeProvider : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly TimeProvider _system;
    private readonly ILogger<SteadyTimeProvider> _logger;
    private DateTimeOffset _latest;
    private long _latestAt;
    private bool _isAhead;

    /// <summary>Starts with the system's time.</summary>
    /// <param name="system">The system's clock.</param>
    /// <param name="logger">Logs that the clock was set back.</param>
    public SteadyTimeProvider(TimeProvider system, ILogger<SteadyTimeProvider> logger)
    {
        (_system, _logger) = (system, logger);
        (_latest, _latestAt) = (system.GetUtcNow(), system.GetTimestamp());
    }

    /// <inheritdoc/>
    public override long TimestampFrequency => _system.TimestampFrequency;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => _system.LocalTimeZone;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        TimeSpan setBack;
        DateTimeOffset now;
        lock (_gate)
        {
            var at = _system.GetTimestamp();
            now = _system.GetUtcNow();
            var elapsed = _system.GetElapsedTime(_latestAt, at);
            var behind = _latest + elapsed - now;
            var isAhead = behind > ClusterLimits.ClockRegulationMax;
            setBack = isAhead && !_isAhead ? behind : TimeSpan.Zero;
            if (behind > TimeSpan.Zero && now < _latest + (elapsed / 2))
                now = _latest + (elapsed / 2);
            (_latest, _latestAt, _isAhead) = (now, at, isAhead);
        }

        if (setBack > TimeSpan.Zero)
            LogSetBack(setBack);
        return now;
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => _system.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        _system.CreateTimer(callback, state, dueTime, period);

    [LoggerMessage(Level = LogLevel.Warning, Message =
        "The system's clock was set back by {Step}. This process lets its time go on slower until the clock has caught up")]
    private partial void LogSetBack(TimeSpan step);
}
