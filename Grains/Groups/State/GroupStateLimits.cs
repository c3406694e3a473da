namespace OrleansStream.Groups.State;

/// <summary>Every bound of a consumer group's state, in one place.</summary>
internal static class GroupStateLimits
{
    /// <summary>The most members of one group.</summary>
    public const int MembersMax = 2_000;

    /// <summary>The most partitions a group keeps an offset for: its state is one document, about a hundred bytes each.</summary>
    public const int OffsetsMax = 20_000;

    /// <summary>The most UTF-8 bytes of metadata kept with one offset (Kafka's <c>offset.metadata.max.bytes</c>).</summary>
    public const int MetadataBytesMax = 4_096;

    /// <summary>The most UTF-8 bytes of metadata a group keeps over all its offsets.</summary>
    public const int MetadataBytesTotalMax = 4 * 1024 * 1024;

    /// <summary>The most records that a group holds in place, over all partitions.</summary>
    public const int HoldsMax = 5_000;

    /// <summary>The most records of one partition that a group holds in place. A poll stops reading on before it.</summary>
    public const int HoldsPerPartitionMax = 500;

    /// <summary>The most topics that members of a group ask for and that do not exist: each is looked for every two seconds.</summary>
    public const int UnknownTopicsMax = 200;

    /// <summary>The most UTF-8 bytes of names of topics that do not exist, over all members: each member's names are stored with it.</summary>
    public const int UnknownTopicBytesMax = 256 * 1024;

    /// <summary>
    /// The stretches of dead letters that a redrive keeps where they are, at which it stops: the group remembers each, in about a hundred bytes.
    /// </summary>
    public const int RedriveStretchesMax = 1_000;

    /// <summary>The most characters of a topic's name, as in Kafka: the names of retry topics are longer than those they belong to.</summary>
    public const int TopicNameLengthMax = 249;

    /// <summary>How long offsets of a group without members are kept, in milliseconds: 7 days (<c>offsets.retention.minutes</c>).</summary>
    public const long OffsetsRetentionMs = 7L * 24 * 60 * 60 * 1000;

    /// <summary>An assignment is made once nothing that asks for one has changed for this long, in milliseconds: a storm of joins makes one.</summary>
    public const int RebalanceDelayMs = 200;

    /// <summary>The longest time that changes which go on put an assignment off, in milliseconds.</summary>
    public const int RebalanceDelayMaxMs = 2_000;

    /// <summary>
    /// The longest time between two looks at the clock that counts against leases, in milliseconds. What is longer is time in
    /// which the coordinator itself stood still and could not have heard anyone.
    /// </summary>
    public const int PauseMsMax = 3_000;
}
