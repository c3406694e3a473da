namespace OrleansStream.Partitions;

/// <summary>The times of a partition's grain.</summary>
internal static class PartitionGrainLimits
{
    /// <summary>
    /// How often a silo looks which of its logs need upkeep (closing aged segments, retention), and which partitions belong on
    /// another silo, where they then move at the second look.
    /// </summary>
    public static readonly TimeSpan MaintenancePeriod = TimeSpan.FromSeconds(10);

    /// <summary>The open logs that a silo sees to at the same time.</summary>
    public const int MaintainedAtOnce = 8;

    /// <summary>How long an unknown topic is answered from memory; its id never comes to life again.</summary>
    public static readonly TimeSpan UnknownTopicAge = TimeSpan.FromSeconds(30);

    /// <summary>How long until opening is tried again after a failure that passes.</summary>
    public static readonly TimeSpan RetryAge = TimeSpan.FromSeconds(1);

    /// <summary>How long until opening is tried again when an operator must act first.</summary>
    public static readonly TimeSpan OfflineAge = TimeSpan.FromSeconds(30);

    /// <summary>How long a partition stays open after it was used, when nobody calls its grain: as long as the runtime keeps a grain that was called.</summary>
    public static readonly TimeSpan UsedStay = TimeSpan.FromMinutes(15);
}
