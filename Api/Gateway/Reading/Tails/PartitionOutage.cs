namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>The time during which a partition of a live tail cannot be read.</summary>
/// <param name="time">Times the outage.</param>
internal sealed class PartitionOutage(TimeProvider time)
{
    private long? _since;
    private bool _isTold;

    /// <summary>Records that the partition can be read again.</summary>
    public void End() => (_since, _isTold) = (null, false);

    /// <summary>Records that the partition cannot be read. Returns whether the client must be told now, which is so once.</summary>
    /// <param name="atOnce">True to tell at once; false for an outage that may be over in a moment.</param>
    public bool IsToBeTold(bool atOnce)
    {
        _since ??= time.GetTimestamp();
        if (_isTold || !(atOnce || time.GetElapsedTime(_since.Value) >= ReadingLimits.TailOutageUntold))
            return false;
        return _isTold = true;
    }
}
