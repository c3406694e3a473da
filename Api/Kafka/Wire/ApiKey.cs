namespace OrleansStream.Kafka.Wire;

/// <summary>The APIs of Kafka's protocol that this service has, by their numbers.</summary>
/// <remarks>Source: Kafka's protocol guide, "Api Keys".</remarks>
internal enum ApiKey : short
{
    /// <summary>Appends record batches.</summary>
    Produce = 0,

    /// <summary>Reads record batches.</summary>
    Fetch = 1,

    /// <summary>Finds the offset of a time, and the bounds of a log.</summary>
    ListOffsets = 2,

    /// <summary>Tells topics, partitions and who leads them.</summary>
    Metadata = 3,

    /// <summary>Commits offsets of a group.</summary>
    OffsetCommit = 8,

    /// <summary>Tells the committed offsets of groups.</summary>
    OffsetFetch = 9,

    /// <summary>Tells who coordinates a group.</summary>
    FindCoordinator = 10,

    /// <summary>Joins a group of the classic protocol.</summary>
    JoinGroup = 11,

    /// <summary>Renews a member of the classic protocol.</summary>
    Heartbeat = 12,

    /// <summary>Leaves a group of the classic protocol.</summary>
    LeaveGroup = 13,

    /// <summary>Gives out, or takes, the assignment of a group of the classic protocol.</summary>
    SyncGroup = 14,

    /// <summary>Describes groups.</summary>
    DescribeGroups = 15,

    /// <summary>Lists groups.</summary>
    ListGroups = 16,

    /// <summary>Names a mechanism to sign in by.</summary>
    SaslHandshake = 17,

    /// <summary>Tells the APIs and their versions.</summary>
    ApiVersions = 18,

    /// <summary>Creates topics.</summary>
    CreateTopics = 19,

    /// <summary>Deletes topics.</summary>
    DeleteTopics = 20,

    /// <summary>Deletes records below an offset.</summary>
    DeleteRecords = 21,

    /// <summary>Gives out a producer id.</summary>
    InitProducerId = 22,

    /// <summary>Finds where a leader epoch ends.</summary>
    OffsetForLeaderEpoch = 23,

    /// <summary>Lists rights.</summary>
    DescribeAcls = 29,

    /// <summary>Gives rights.</summary>
    CreateAcls = 30,

    /// <summary>Takes rights.</summary>
    DeleteAcls = 31,

    /// <summary>Tells settings.</summary>
    DescribeConfigs = 32,

    /// <summary>Replaces settings.</summary>
    AlterConfigs = 33,

    /// <summary>Signs in.</summary>
    SaslAuthenticate = 36,

    /// <summary>Adds partitions.</summary>
    CreatePartitions = 37,

    /// <summary>Deletes groups.</summary>
    DeleteGroups = 42,

    /// <summary>Changes settings one by one.</summary>
    IncrementalAlterConfigs = 44,

    /// <summary>Deletes committed offsets.</summary>
    OffsetDelete = 47,

    /// <summary>Tells the brokers.</summary>
    DescribeCluster = 60,

    /// <summary>Joins, renews and leaves a group of the protocol of KIP-848.</summary>
    ConsumerGroupHeartbeat = 68,

    /// <summary>Describes groups of the protocol of KIP-848.</summary>
    ConsumerGroupDescribe = 69,
}
