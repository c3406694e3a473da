namespace OrleansStream.Rates;

/// <summary>
/// How much of something comes per second: a mean in which what came a window ago weighs 1/e of what comes now.
/// </summary>
/// <remarks>
/// Each amount adds <c>amount / window</c>, and the sum decays as <c>exp(-age / window)</c>; while the meter is younger than its window
/// the sum is scaled up by the part of the weights that is missing, so that a steady rate is told from the start. Not thread-safe.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="window">The time constant; positive.</param>
public sealed class RateMeter(TimeProvider time, TimeSpan window)
{
    // Before this part of the window has passed, one amount says nothing about a rate.
    private const double WeightMin = 0.01;

    private readonly long _beganAt = time.GetTimestamp();
    private long _decayedAt = time.GetTimestamp();
    private double _perSecond;

    /// <summary>The rate now, per second.</summary>
    public double PerSecond
    {
        get
        {
            Decay();
            var age = time.GetElapsedTime(_beganAt) / window;
            return _perSecond / Math.Max(1 - Math.Exp(-age), WeightMin);
        }
    }

    /// <summary>Counts something.</summary>
    /// <param name="amount">How much; not negative.</param>
    public void Add(double amount)
    {
        Decay();
        _perSecond += amount / window.TotalSeconds;
    }

    private void Decay()
    {
        var now = time.GetTimestamp();
        if (now == _decayedAt)
            return;
        _perSecond *= Math.Exp(-(time.GetElapsedTime(_decayedAt, now) / window));
        _decayedAt = now;
    }
}
