namespace OrleansStream.Tests.Support;

/// <summary>
/// The real time until it is held: from then on time passes only as it is looked at, however slow the machine is. Timers run by the real time.
/// </summary>
internal sealed class SteppingTime : TimeProvider
{
    private long _heldTimestamp;
    private long _step;

    public override DateTimeOffset GetUtcNow() => System.GetUtcNow();

    public override long GetTimestamp() => Volatile.Read(ref _step) == 0 ? System.GetTimestamp() : Interlocked.Add(ref _heldTimestamp, _step);

    /// <summary>Holds it.</summary>
    /// <param name="step">What each look at it adds.</param>
    public void Hold(TimeSpan step)
    {
        _heldTimestamp = System.GetTimestamp();
        Volatile.Write(ref _step, TimestampsIn(step));
    }

    /// <summary>Puts the held time forward.</summary>
    public void Advance(TimeSpan by) => Interlocked.Add(ref _heldTimestamp, TimestampsIn(by));

    private long TimestampsIn(TimeSpan time) => (long)(time.TotalSeconds * TimestampFrequency);
}
