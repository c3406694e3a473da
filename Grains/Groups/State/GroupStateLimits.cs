namespace OrleansStream.Groups.State;

/// <summary>Every bound of a consumer group's state, in one place.</summary>
internal static class GroupStateLimits
{
    /// <summary>The most members of one group.</summary>
    public const int MembersMax = 2_000;

    /// <summary>The most partitions with a committed offset. The group's state is one document, with about a hundred bytes for each.</summary>
    public const int OffsetsMax = 20_000;

    /// <summary>The most UTF-8 bytes of metadata kept with one offset (Kafka's <c>offset.metadata.max.bytes</c>).</summary>
    public const int MetadataBytesMax = 4_096;

    /// <summary>The most UTF-8 bytes of metadata a group keeps over all its offsets.</summary>
    public const int MetadataBytesTotalMax = 4 * 1024 * 1024;

    /// <summary>The most records that a group holds in place, over all partitions.</summary>
    public const int HoldsMax = 5_000;

    /// <summary>The most records of one partition that a group holds in place. A poll stops reading further before it reaches this.</summary>
    public const int HoldsPerPartitionMax = 500;

    /// <summary>The most topics that members subscribe to and that do not exist. Each is looked for every two seconds.</summary>
    public const int UnknownTopicsMax = 200;

    /// <summary>The most UTF-8 bytes of the names of topics that do not exist, over all members. They are stored once for each member.</summary>
    public const int UnknownTopicBytesMax = 256 * 1024;

    /// <summary>
    /// The most UTF-8 bytes of the names of topics that match regular expressions, over all members. They are stored once for each member.
    /// </summary>
    public const int MatchedTopicBytesMax = 2 * 1024 * 1024;

    /// <summary>
    /// The most stretches of dead letters that a redrive leaves in place; then it stops. The group remembers each of them in about a hundred bytes.
    /// </summary>
    public const int RedriveStretchesMax = 1_000;

    /// <summary>The most characters of a topic's name, as in Kafka. The names of retry topics are longer than those of their topics.</summary>
    public const int TopicNameLengthMax = 249;

    /// <summary>How long offsets of a group without members are kept, in milliseconds: 7 days (<c>offsets.retention.minutes</c>).</summary>
    public const long OffsetsRetentionMs = 7L * 24 * 60 * 60 * 1000;

    /// <summary>The shortest time that a member is given to let go of partitions, in milliseconds.</summary>
    public const int RevocationMsMin = 1_000;

    /// <summary>
    /// How long nothing must have changed before an assignment is made, in milliseconds. So many joins in a row make one assignment.
    /// </summary>
    public const int RebalanceDelayMs = 200;

    /// <summary>How long further changes can put an assignment off, in milliseconds.</summary>
    public const int RebalanceDelayMaxMs = 2_000;

    /// <summary>
    /// The most time between two readings of the clock that counts against leases, in milliseconds. Anything longer is time in which the coordinator
    /// itself stood still and could not receive polls.
    /// </summary>
    public const int PauseMsMax = 3_000;
}
