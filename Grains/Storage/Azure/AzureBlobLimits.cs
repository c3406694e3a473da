namespace OrleansStream.Storage.Azure;

/// <summary>The bounds of the Azure stores.</summary>
public static class AzureBlobLimits
{
    /// <summary>The most bytes of one append: the size of a block of an append blob.</summary>
    public const int AppendBytesMax = 4 * 1024 * 1024;

    /// <summary>The most appends to one segment: the count of blocks of an append blob.</summary>
    public const int AppendCountMax = 50_000;

    /// <summary>The copies that an account keeps at least: three, in locally or zone-redundant accounts.</summary>
    public const int ReplicationFactor = 3;

    /// <summary>How often one call is sent at most. An append is sent only once.</summary>
    public const int AttemptCountMax = 5;

    /// <summary>The first wait before a call is repeated. Each further wait is twice as long; up to half of it is added at random.</summary>
    public static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest wait, even when the account asks for a longer one.</summary>
    public static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(10);

    /// <summary>How long the account may be silent before a call's outcome counts as unknown.</summary>
    public static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(15);

    /// <summary>How far an account lets its clock and a caller's differ.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(15);

    /// <summary>The time over which the requests per second are averaged.</summary>
    public static readonly TimeSpan UsageWindow = TimeSpan.FromMinutes(1);
}
