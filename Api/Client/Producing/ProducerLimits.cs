namespace OrleansStream.Client.Producing;

/// <summary>The bounds of a producer.</summary>
public static class ProducerLimits
{
    /// <summary>The longest batch, in bytes before compression: what the service takes in one append.</summary>
    public const int BatchBytesMax = 4 * 1024 * 1024 - 64 * 1024;

    /// <summary>The longest time that records wait for others to share their request.</summary>
    public static readonly TimeSpan LingerMax = TimeSpan.FromSeconds(60);

    /// <summary>The longest time until it is known what became of a record.</summary>
    public static readonly TimeSpan DeliveryTimeoutMax = TimeSpan.FromDays(1);

    /// <summary>The least memory for records that are not stored yet, in bytes.</summary>
    public const int BufferBytesMin = 64 * 1024;

    /// <summary>The most headers of a record.</summary>
    public const int HeadersMax = 100;

    /// <summary>The most records of one batch.</summary>
    internal const int BatchRecordsMax = 100_000;

    /// <summary>The most records of a list that are added at a time.</summary>
    internal const int RunRecordsMax = 256;

    /// <summary>About how many bytes of a list are encoded before they are added to batches.</summary>
    internal const int RunBytesMax = 64 * 1024;

    /// <summary>The most batches under way at once. One that waits for its next try is none of them, nor is a question, as for an id.</summary>
    internal const int RequestsMax = 32;

    /// <summary>What a record costs beside its bytes, in bytes: its place among those that wait for an answer.</summary>
    internal const int RecordOverheadBytes = 64;

    /// <summary>When one part in so many of the memory is free, who waits for memory is served.</summary>
    internal const int FreeShareToWake = 8;

    /// <summary>
    /// For how long a producer goes by what it knows of its topic, which is the count of partitions and the keys that are spread. Then it asks again.
    /// </summary>
    internal static readonly TimeSpan TopicAgeMax = TimeSpan.FromMinutes(1);

    /// <summary>How often a batch gets a new identity, since the service does not know the one it has.</summary>
    internal const int IdentitiesMax = 3;

    /// <summary>The most runs of records that are kept, for calls at the same time.</summary>
    internal const int KeptRunsMax = 64;

    /// <summary>The most writers of batches that are kept.</summary>
    internal const int KeptWritersMax = 1_024;
}
