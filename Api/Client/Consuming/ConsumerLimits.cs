namespace OrleansStream.Client.Consuming;

/// <summary>The bounds of a consumer.</summary>
public static class ConsumerLimits
{
    /// <summary>
    /// The most records of one answer. Of a group with a retry policy an answer has at most <see cref="FallibleRecordsMax"/>, and so has an answer of
    /// an older service, which has only JSON.
    /// </summary>
    public const int RecordsMax = 10_000;

    /// <summary>The most records of one answer that may all fail: a poll takes at most as many failures.</summary>
    public const int FallibleRecordsMax = 1_000;

    /// <summary>The most bytes of one answer.</summary>
    public const int BytesMax = 4 * 1024 * 1024;

    /// <summary>The longest wait of a poll for records.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(50);

    /// <summary>The shortest lease.</summary>
    public static readonly TimeSpan LeaseMin = TimeSpan.FromSeconds(1);

    /// <summary>The longest lease.</summary>
    public static readonly TimeSpan LeaseMax = TimeSpan.FromHours(1);

    /// <summary>The most handlers that run at once.</summary>
    public const int ConcurrencyMax = 1_024;

    /// <summary>The most characters that are kept of the reason why a record failed.</summary>
    public const int ReasonLengthMax = 1_024;

    /// <summary>How much longer than its wait a poll may take.</summary>
    internal static readonly TimeSpan PollSlack = TimeSpan.FromSeconds(30);

    /// <summary>How often a lease is renewed while handlers work.</summary>
    internal const int RenewalsPerLease = 3;

    /// <summary>How long a renewal that is under way is waited for when the work on the records is done.</summary>
    internal static readonly TimeSpan RenewalStopMax = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The longest decompressed batch whose values are kept together with those of others, in bytes. A longer one keeps its own memory.
    /// </summary>
    internal const int SmallBatchBytesMax = 16 * 1024;

    /// <summary>
    /// The memory that is taken at a time for the values of small batches, in bytes. Less than <see cref="SmallBatchBytesMax"/> of it stays empty.
    /// </summary>
    internal const int ValueChunkBytes = 64 * 1024;

    /// <summary>The share of a lease that may have passed when the service answers a poll that waited.</summary>
    internal const double LeaseShareUsedMax = 0.1;

    /// <summary>How long a consumer that stops tries to commit.</summary>
    internal static readonly TimeSpan StopMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a consumer that stops tries to hand its partitions over. With <see cref="StopMax"/> it is half of a host's usual patience.</summary>
    internal static readonly TimeSpan LeaveMax = TimeSpan.FromSeconds(5);
}
