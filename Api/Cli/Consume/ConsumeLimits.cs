namespace OrleansStream.Cli.Consume;

/// <summary>The bounds of what reads.</summary>
internal static class ConsumeLimits
{
    /// <summary>The most partitions that are read at once while their ends are known.</summary>
    public const int PartitionsAtOnceMax = 16;

    /// <summary>The most records that wait to be written, beside those of the fetches under way.</summary>
    public const int RecordsWaitingMax = 128;

    /// <summary>How often a member of a group looks whether there is anything left for it.</summary>
    public static readonly TimeSpan GroupLookInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a member waits for others to hand partitions over, and for records that may not come.</summary>
    public static readonly TimeSpan GroupSettleTime = TimeSpan.FromSeconds(10);

    /// <summary>How long a poll of a member waits that quits at the end.</summary>
    public static readonly TimeSpan GroupPollTime = TimeSpan.FromSeconds(1);
}
