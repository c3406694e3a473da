namespace OrleansStream.Gateway.Groups;

/// <summary>The bounds of polling as a member of a group.</summary>
public static class PollLimits
{
    /// <summary>The longest cursor that is read back, in characters: every partition of a few large topics.</summary>
    public const int GroupCursorLengthMax = 256 * 1024;

    /// <summary>The ends of logs that a node remembers, at about a hundred bytes each, so that it need not ask for them when a member commits.</summary>
    public const int LogEndsMax = 20_000;

    /// <summary>The partitions that a poll reads at the same time when it does not wait.</summary>
    public const int PollFetchesAtOnce = 16;

    /// <summary>How long a poll waits for partitions that do not answer, when others may have records.</summary>
    public static readonly TimeSpan PollGatherMax = TimeSpan.FromMilliseconds(500);

    /// <summary>The wait, in milliseconds, before a poll asks again for partitions that could not be read, such as those that are moving.</summary>
    public const int PollRetryMs = 500;

    /// <summary>
    /// How long a poll asks on, in milliseconds, while nobody answers for its group, also when it waits less for records: longer than
    /// it takes to notice that a server died, and to move its groups.
    /// </summary>
    public const int PollMoveMsMax = 15_000;

    /// <summary>How long one answer of a group may take before it is asked again: the call may have been lost with a server in between.</summary>
    public static readonly TimeSpan PollAskMax = TimeSpan.FromSeconds(5);

    /// <summary>The wait before a poll asks again for its group while that is moving.</summary>
    public static readonly TimeSpan PollMoveRetry = TimeSpan.FromMilliseconds(200);

    /// <summary>How often in the length of a lease a waiting poll renews it.</summary>
    public const int PollRenewalsPerLease = 3;

    /// <summary>The part of a lease that may be gone when a poll is answered; beyond it the lease is renewed first.</summary>
    public const double PollLeaseSlack = 0.1;

    /// <summary>How long a poll's stream waits for records before it gives a sign of life, in milliseconds: both ends notice a dead connection by it.</summary>
    public const int PollStreamWaitMs = 10_000;

    /// <summary>The wait before a poll's stream reads again when the node had no memory for an answer.</summary>
    public static readonly TimeSpan PollMemoryRetry = TimeSpan.FromSeconds(1);

    /// <summary>The records whose age is looked up at the same time for a group's lag.</summary>
    public const int LagReadsAtOnce = 16;
}
