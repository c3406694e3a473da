namespace OrleansStream.Kafka.Errors;

/// <summary>The error codes that clients are answered with, by Kafka's numbers.</summary>
/// <remarks>Source: Kafka's protocol guide, "Error Codes".</remarks>
internal enum KafkaError : short
{
    /// <summary>The server failed in a way it has no name for.</summary>
    UnknownServerError = -1,

    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The offset lies outside the log.</summary>
    OffsetOutOfRange = 1,

    /// <summary>A batch fails its checksum.</summary>
    CorruptMessage = 2,

    /// <summary>There is no such topic or partition.</summary>
    UnknownTopicOrPartition = 3,

    /// <summary>Nobody leads the partition just now.</summary>
    LeaderNotAvailable = 5,

    /// <summary>Another broker leads the partition, or none just now.</summary>
    NotLeaderOrFollower = 6,

    /// <summary>The deadline passed first.</summary>
    RequestTimedOut = 7,

    /// <summary>A record or batch is too large.</summary>
    MessageTooLarge = 10,

    /// <summary>The metadata of a committed offset is too long.</summary>
    OffsetMetadataTooLarge = 12,

    /// <summary>The group's coordinator is loading.</summary>
    CoordinatorLoadInProgress = 14,

    /// <summary>The group's coordinator is not available.</summary>
    CoordinatorNotAvailable = 15,

    /// <summary>Another broker coordinates the group.</summary>
    NotCoordinator = 16,

    /// <summary>The topic's name breaks the rules.</summary>
    InvalidTopicException = 17,

    /// <summary>The request has too many batches.</summary>
    RecordListTooLarge = 18,

    /// <summary>The acks value is none that is known.</summary>
    InvalidRequiredAcks = 21,

    /// <summary>The group's generation is another one.</summary>
    IllegalGeneration = 22,

    /// <summary>The member supports none of the group's protocols, or the group is of another kind.</summary>
    InconsistentGroupProtocol = 23,

    /// <summary>The group's id is not allowed.</summary>
    InvalidGroupId = 24,

    /// <summary>The member is not known to the group.</summary>
    UnknownMemberId = 25,

    /// <summary>The session time-out is outside its bounds.</summary>
    InvalidSessionTimeout = 26,

    /// <summary>The group is rebalancing.</summary>
    RebalanceInProgress = 27,

    /// <summary>The offsets of a commit take more room than a group has.</summary>
    InvalidCommitOffsetSize = 28,

    /// <summary>The caller has no right on the topic.</summary>
    TopicAuthorizationFailed = 29,

    /// <summary>The caller has no right on the group.</summary>
    GroupAuthorizationFailed = 30,

    /// <summary>The caller has no right on the cluster.</summary>
    ClusterAuthorizationFailed = 31,

    /// <summary>A record is dated too far ahead.</summary>
    InvalidTimestamp = 32,

    /// <summary>The mechanism to sign in by is not supported.</summary>
    UnsupportedSaslMechanism = 33,

    /// <summary>The request may not come in the connection's state.</summary>
    IllegalSaslState = 34,

    /// <summary>The version of the API is not served.</summary>
    UnsupportedVersion = 35,

    /// <summary>There is a topic of that name.</summary>
    TopicAlreadyExists = 36,

    /// <summary>The count of partitions is not allowed.</summary>
    InvalidPartitions = 37,

    /// <summary>The replication factor is not allowed.</summary>
    InvalidReplicationFactor = 38,

    /// <summary>The assignment of replicas is not allowed.</summary>
    InvalidReplicaAssignment = 39,

    /// <summary>A setting is unknown, or its value is not allowed.</summary>
    InvalidConfig = 40,

    /// <summary>The request makes no sense.</summary>
    InvalidRequest = 42,

    /// <summary>The batch's format is not the one that is stored.</summary>
    UnsupportedForMessageFormat = 43,

    /// <summary>A limit of the operator's does not allow it.</summary>
    PolicyViolation = 44,

    /// <summary>A gap in a producer's sequence numbers.</summary>
    OutOfOrderSequenceNumber = 45,

    /// <summary>The batch was stored earlier.</summary>
    DuplicateSequenceNumber = 46,

    /// <summary>A newer producer with this id has taken over.</summary>
    InvalidProducerEpoch = 47,

    /// <summary>The caller has no right on the transactional id.</summary>
    TransactionalIdAuthorizationFailed = 53,

    /// <summary>The store failed.</summary>
    KafkaStorageError = 56,

    /// <summary>Signing in failed.</summary>
    SaslAuthenticationFailed = 58,

    /// <summary>The producer's id is not known.</summary>
    UnknownProducerId = 59,

    /// <summary>The group still has members.</summary>
    NonEmptyGroup = 68,

    /// <summary>There is no such group.</summary>
    GroupIdNotFound = 69,

    /// <summary>The fetch session is not known.</summary>
    FetchSessionIdNotFound = 70,

    /// <summary>The fetch session is at another epoch.</summary>
    InvalidFetchSessionEpoch = 71,

    /// <summary>The leader epoch is older than the partition's.</summary>
    FencedLeaderEpoch = 74,

    /// <summary>The leader epoch is newer than the partition's.</summary>
    UnknownLeaderEpoch = 75,

    /// <summary>The compression is not known.</summary>
    UnsupportedCompressionType = 76,

    /// <summary>A member must come with the id that it is given.</summary>
    MemberIdRequired = 79,

    /// <summary>The group has as many members as it may.</summary>
    GroupMaxSizeReached = 81,

    /// <summary>Another member has the static id.</summary>
    FencedInstanceId = 82,

    /// <summary>The group is subscribed to the topic.</summary>
    GroupSubscribedToTopic = 86,

    /// <summary>A record breaks a rule.</summary>
    InvalidRecord = 87,

    /// <summary>A quota is used up.</summary>
    ThrottlingQuotaExceeded = 89,

    /// <summary>There is no topic with the id.</summary>
    UnknownTopicId = 100,

    /// <summary>The fetch session names topics the other way.</summary>
    FetchSessionTopicIdError = 106,

    /// <summary>The member's epoch is fenced.</summary>
    FencedMemberEpoch = 110,

    /// <summary>Another member has the static id, and has not left.</summary>
    UnreleasedInstanceId = 111,

    /// <summary>The assignor is not known.</summary>
    UnsupportedAssignor = 112,

    /// <summary>The member's epoch is stale.</summary>
    StaleMemberEpoch = 113,

    /// <summary>A pattern of topic names cannot be read, or is not supported.</summary>
    InvalidRegularExpression = 128,
}
