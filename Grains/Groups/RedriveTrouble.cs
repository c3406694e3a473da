namespace OrleansStream.Groups;

/// <summary>For how long a redrive could not go on, and when it tries again. Only for use on one grain's scheduler.</summary>
/// <param name="time">The clock.</param>
internal sealed class RedriveTrouble(TimeProvider time)
{
    private TimeSpan _wait = GroupGrainLimits.RedriveRetry;
    private long? _since;

    /// <summary>True when it is to be given up.</summary>
    public bool IsTooLong => _since is { } since && time.GetElapsedTime(since) >= GroupGrainLimits.RedriveTroubleMax;

    /// <summary>Notes that there is a trouble.</summary>
    public void Begin() => _since ??= time.GetTimestamp();

    /// <summary>Notes that there is none any more.</summary>
    public void End()
    {
        _since = null;
        _wait = GroupGrainLimits.RedriveRetry;
    }

    /// <summary>The wait before the next try: twice the one before.</summary>
    public TimeSpan NextWait()
    {
        var wait = _wait;
        _wait = wait * 2 < GroupGrainLimits.RedriveRetryMax ? wait * 2 : GroupGrainLimits.RedriveRetryMax;
        return wait;
    }
}
