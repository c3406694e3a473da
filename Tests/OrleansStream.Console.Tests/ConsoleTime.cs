using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace OrleansStream.WebConsole.Tests;

/// <summary>A clock that a test puts forward, and that tells which periods somebody waits for.</summary>
internal sealed class ConsoleTime : FakeTimeProvider
{
    private readonly ConcurrentDictionary<TimeSpan, bool> _periods = [];

    /// <summary>Whether a timer of a period has been made. Time that was put forward before passes it by.</summary>
    public bool HasTimerOf(TimeSpan period) => _periods.ContainsKey(period);

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        _periods[period] = true;
        return timer;
    }
}
