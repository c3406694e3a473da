namespace OrleansStream.Rates;

/// <summary>
/// Measures a rate per second, as a mean in which an amount that is one window old has the weight 1/e of a new one.
/// </summary>
/// <remarks>
/// Each amount adds <c>amount / window</c>, and the sum decays as <c>exp(-age / window)</c>. While the meter is younger than its window, the sum is
/// scaled up by the missing weights, so that a steady rate is right from the start. Not thread-safe.
/// </remarks>
/// <param name="time">Times the window.</param>
/// <param name="window">The time constant; positive.</param>
public sealed class RateMeter(TimeProvider time, TimeSpan window)
{
    // Before this fraction of the window has passed, one amount says nothing about the rate.
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

    /// <summary>Counts an amount.</summary>
    /// <param name="amount">The amount; not negative.</param>
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
