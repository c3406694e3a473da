namespace OrleansStream.Gateway.Groups;

/// <summary>The bounds of polling as a member of a group.</summary>
public static class PollLimits
{
    /// <summary>The longest cursor that is accepted, in characters. It has room for all partitions of a few large topics.</summary>
    public const int GroupCursorLengthMax = 256 * 1024;

    /// <summary>The most ends of logs that a node remembers, at about a hundred bytes each, so that it need not ask for them at a commit.</summary>
    public const int LogEndsMax = 20_000;

    /// <summary>The most partitions that a poll reads at the same time when it does not wait.</summary>
    public const int PollFetchesAtOnce = 16;

    /// <summary>How long a poll waits for partitions that do not answer, when others may have records.</summary>
    public static readonly TimeSpan PollGatherMax = TimeSpan.FromMilliseconds(500);

    /// <summary>The wait, in milliseconds, before a poll asks again for partitions that could not be read, such as those that are moving.</summary>
    public const int PollRetryMs = 500;

    /// <summary>
    /// How long a poll repeats a call to its group, in milliseconds, when the group does not answer, even if the poll waits less for records. It is
    /// longer than it takes to notice that a server died, and to move its groups.
    /// </summary>
    public const int PollMoveMsMax = 15_000;

    /// <summary>How long a call to a group may take before it is repeated, because it may have been lost with a server.</summary>
    public static readonly TimeSpan PollAskMax = TimeSpan.FromSeconds(5);

    /// <summary>The wait before a poll repeats a call to a group that is moving.</summary>
    public static readonly TimeSpan PollMoveRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>How many times a waiting poll renews a lease within the lease's length.</summary>
    public const int PollRenewalsPerLease = 3;

    /// <summary>The fraction of a lease that may have passed when a poll is answered. If more has passed, the lease is renewed first.</summary>
    public const double PollLeaseSlack = 0.1;

    /// <summary>
    /// How long a poll's stream waits for records before it sends a sign of life, by which both ends notice a dead connection, in milliseconds.
    /// </summary>
    public const int PollStreamWaitMs = 10_000;

    /// <summary>The wait before a poll's stream reads again when the node had no memory for an answer.</summary>
    public static readonly TimeSpan PollMemoryRetry = TimeSpan.FromSeconds(1);

    /// <summary>The most records whose age is read at the same time for a group's lag.</summary>
    public const int LagReadsAtOnce = 16;

    /// <summary>
    /// The most members whose regular expressions a server remembers. When there are more, it forgets all, and the groups tell them again.
    /// </summary>
    public const int PatternsRememberedMax = 10_000;
}
