namespace OrleansStream.Storage.Azure;

/// <summary>The bounds of the Azure stores.</summary>
public static class AzureBlobLimits
{
    /// <summary>The most bytes of one append: Azure's block of an append blob.</summary>
    public const int AppendBytesMax = 4 * 1024 * 1024;

    /// <summary>The most appends of one segment: Azure's blocks of an append blob.</summary>
    public const int AppendCountMax = 50_000;

    /// <summary>The copies an account keeps: three when locally or zone-redundant, which every kind of account at least is.</summary>
    public const int ReplicationFactor = 3;

    /// <summary>The most times one call is sent; an append is sent once.</summary>
    public const int AttemptCountMax = 5;

    /// <summary>The first wait before a call is repeated; each later one is twice as long, with up to half of it at random.</summary>
    public static readonly TimeSpan BackoffMin = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest wait, also when the account asks for a longer one.</summary>
    public static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(10);

    /// <summary>How long the account may be silent before a call's outcome counts as unknown.</summary>
    public static readonly TimeSpan NetworkTimeout = TimeSpan.FromSeconds(15);

    /// <summary>How far apart an account lets its clock and a caller's be.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(15);

    /// <summary>The time over which requests a second are told.</summary>
    public static readonly TimeSpan UsageWindow = TimeSpan.FromMinutes(1);
}
