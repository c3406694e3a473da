namespace OrleansStream.Groups.State;

/// <summary>
/// The time until which each member counts as alive, on the coordinator's monotonic clock. It is not stored; when a group is read back, every member
/// gets a full lease.
/// </summary>
/// <remarks>
/// While the coordinator stands still (a paused process, a starved machine), polls may be waiting to be received. So this time is added to all
/// leases.
/// </remarks>
internal sealed class LeaseTable
{
    private readonly Dictionary<string, long> _deadlines = new(StringComparer.Ordinal);
    private long? _seenMs;

    /// <summary>Reads the clock. Call it before any other method, and about every second.</summary>
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
    /// <param name="member">The member's id.</param>
    /// <param name="leaseMs">The lease's length, in milliseconds.</param>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public void Renew(string member, int leaseMs, long nowMs) => _deadlines[member] = nowMs + leaseMs;

    /// <summary>Forgets a member.</summary>
    /// <param name="member">The member's id.</param>
    public void Release(string member) => _deadlines.Remove(member);

    /// <summary>How much of a member's lease is left, in milliseconds; 0 when it has none.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public long LeftMs(string member, long nowMs) =>
        _deadlines.TryGetValue(member, out var deadline) ? Math.Max(0, deadline - nowMs) : 0;

    /// <summary>The members whose lease has ended, in ordinal order.</summary>
    /// <param name="nowMs">The monotonic clock, in milliseconds.</param>
    public string[] Ended(long nowMs) =>
        [.. _deadlines.Where(lease => lease.Value <= nowMs).Select(lease => lease.Key).Order(StringComparer.Ordinal)];
}
