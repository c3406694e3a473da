namespace OrleansStream.Groups.State;

/// <summary>
/// Until when each member is taken for alive, on the coordinator's monotonic clock. Not stored: whoever reads the group back
/// gives everyone a full lease.
/// </summary>
/// <remarks>
/// Time in which the coordinator stood still (a paused process, a starved machine) is no proof against members, whose polls
/// may be waiting to be heard: it is added to all leases.
/// </remarks>
internal sealed class LeaseTable
{
    private readonly Dictionary<string, long> _deadlines = new(StringComparer.Ordinal);
    private long? _seenMs;

    /// <summary>Looks at the clock; to be called before any question about leases, and at least every second or so.</summary>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public void Observe(long nowMs)
    {
        var pausedMs = nowMs - (_seenMs ?? nowMs) - GroupStateLimits.PauseMsMax;
        _seenMs = nowMs;
        if (pausedMs <= 0)
            return;
        foreach (var member in _deadlines.Keys.ToArray())
            _deadlines[member] += pausedMs;
    }

    /// <summary>Gives a member a full lease.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="leaseMs">The lease's length, in milliseconds.</param>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public void Renew(string member, int leaseMs, long nowMs) => _deadlines[member] = nowMs + leaseMs;

    /// <summary>Forgets a member.</summary>
    /// <param name="member">Its id.</param>
    public void Release(string member) => _deadlines.Remove(member);

    /// <summary>How much of a member's lease is left, in milliseconds; 0 when it has none.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public long LeftMs(string member, long nowMs) =>
        _deadlines.TryGetValue(member, out var deadline) ? Math.Max(0, deadline - nowMs) : 0;

    /// <summary>The members whose lease has ended, in ordinal order.</summary>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public string[] Ended(long nowMs) =>
        [.. _deadlines.Where(lease => lease.Value <= nowMs).Select(lease => lease.Key).Order(StringComparer.Ordinal)];
}
