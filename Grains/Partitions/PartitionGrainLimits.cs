namespace OrleansStream.Partitions;

/// <summary>The times and bounds of a partition's grain.</summary>
internal static class PartitionGrainLimits
{
    /// <summary>
    /// How often a silo checks which of its logs need maintenance (closing aged segments, retention), and which partitions belong on another silo.
    /// Those move at the second check.
    /// </summary>
    public static readonly TimeSpan MaintenancePeriod = TimeSpan.FromSeconds(10);

    /// <summary>The most open logs that a silo maintains at the same time.</summary>
    public const int MaintainedAtOnce = 8;

    /// <summary>How long calls for an unknown topic are answered from memory. An id that is unknown never becomes known.</summary>
    public static readonly TimeSpan UnknownTopicAge = TimeSpan.FromSeconds(30);

    /// <summary>The time until opening is tried again after a temporary failure.</summary>
    public static readonly TimeSpan RetryAge = TimeSpan.FromSeconds(1);

    /// <summary>The time until opening is tried again when an operator must act first.</summary>
    public static readonly TimeSpan OfflineAge = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a partition stays open after its last use without a grain call. It is the time for which the runtime keeps a grain that was called.
    /// </summary>
    public static readonly TimeSpan UsedStay = TimeSpan.FromMinutes(15);
}
