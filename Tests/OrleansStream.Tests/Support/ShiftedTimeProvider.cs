namespace OrleansStream.Tests.Support;

/// <summary>The real clock, whose time of day can be moved on; timers run as ever.</summary>
internal sealed class ShiftedTimeProvider : TimeProvider
{
    private long _shiftTicks;

    public void Shift(TimeSpan span) => Interlocked.Add(ref _shiftTicks, span.Ticks);

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddTicks(Interlocked.Read(ref _shiftTicks));
}
