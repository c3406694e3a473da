namespace OrleansStream.Groups;

/// <summary>Measures for how long a redrive could not go on, and computes its waits. Not safe outside one grain's scheduler.</summary>
/// <param name="time">Tells how long the trouble has lasted.</param>
internal sealed class RedriveTrouble(TimeProvider time)
{
    private TimeSpan _wait = GroupGrainLimits.RedriveRetry;
    private long? _since;

    /// <summary>True when the error has lasted so long that the redrive must give up.</summary>
    public bool IsTooLong => _since is { } since && time.GetElapsedTime(since) >= GroupGrainLimits.RedriveTroubleMax;

    /// <summary>Notes that there is a trouble.</summary>
    public void Begin() => _since ??= time.GetTimestamp();

    /// <summary>Notes that the redrive goes on.</summary>
    public void End()
    {
        _since = null;
        _wait = GroupGrainLimits.RedriveRetry;
    }

    /// <summary>Returns the wait before the next try, twice as long as the last one.</summary>
    public TimeSpan NextWait()
    {
        var wait = _wait;
        _wait = wait * 2 < GroupGrainLimits.RedriveRetryMax ? wait * 2 : GroupGrainLimits.RedriveRetryMax;
        return wait;
    }
}
