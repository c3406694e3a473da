namespace OrleansStream.Errors;

/// <summary>
/// The kinds of failures, with Kafka's names and numbers, so that a Kafka client library can act on them too.
/// </summary>
/// <remarks>
/// Source: the protocol's error table, <c>org.apache.kafka.common.protocol.Errors</c>. After each failure the comment says what the caller should do.
/// </remarks>
public enum StreamErrorCode : short
{
    /// <summary>The server failed in a way that has no name. The outcome of a write is unknown; retry with the same identity.</summary>
    UnknownServerError = -1,

    /// <summary>No error.</summary>
    None = 0,

    /// <summary>The offset lies outside the log's bounds, which come with the error. Read from one of them.</summary>
    OffsetOutOfRange = 1,

    /// <summary>A batch fails its checksum or cannot be decoded. Send it again from its source.</summary>
    CorruptMessage = 2,

    /// <summary>There is no such topic, or it has no such partition. Create it, or correct the name.</summary>
    UnknownTopicOrPartition = 3,

    /// <summary>The partition is moving between servers, and nothing was stored. Retry.</summary>
    NotLeaderOrFollower = 6,

    /// <summary>The deadline passed before the answer, and the outcome of a write is unknown. Retry with the same identity.</summary>
    RequestTimedOut = 7,

    /// <summary>A record or batch is over the topic's <c>max.message.bytes</c>. Store the payload in a blob and send its address.</summary>
    MessageTooLarge = 10,

    /// <summary>A consumer group's commit has more metadata than is kept with an offset. Shorten it.</summary>
    OffsetMetadataTooLarge = 12,

    /// <summary>The group's coordinator is still loading. Retry.</summary>
    CoordinatorLoadInProgress = 14,

    /// <summary>The group's coordinator is not available. Retry.</summary>
    CoordinatorNotAvailable = 15,

    /// <summary>The topic's name breaks the rules. Correct it.</summary>
    InvalidTopicException = 17,

    /// <summary>The request has more batches than one append may have. Split it.</summary>
    RecordListTooLarge = 18,

    /// <summary>The group generation is stale. Poll again to learn the new one.</summary>
    IllegalGeneration = 22,

    /// <summary>
    /// The member knows none of the assignors that the group's other members know, or the group is of another kind. Offer an assignor that the others
    /// know, or take another group.
    /// </summary>
    InconsistentGroupProtocol = 23,

    /// <summary>The group's name breaks the rules. Correct it.</summary>
    InvalidGroupId = 24,

    /// <summary>The member is not known to the group: its lease ended. Poll again to join.</summary>
    UnknownMemberId = 25,

    /// <summary>The session that a member asks for is outside its bounds. Ask for one within them.</summary>
    InvalidSessionTimeout = 26,

    /// <summary>The group is moving partitions. Poll again.</summary>
    RebalanceInProgress = 27,

    /// <summary>The caller has no right to do that with the topic. Ask for the right, or take another topic.</summary>
    TopicAuthorizationFailed = 29,

    /// <summary>The caller has no right to do that with the group. Ask for the right, or take another group.</summary>
    GroupAuthorizationFailed = 30,

    /// <summary>The caller has no right to do that with the cluster. Ask for the right.</summary>
    ClusterAuthorizationFailed = 31,

    /// <summary>A record's timestamp is further ahead than <c>message.timestamp.after.max.ms</c>. Correct the clock that made it.</summary>
    InvalidTimestamp = 32,

    /// <summary>A topic of that name exists and differs from the request. Choose another name, or change the topic.</summary>
    TopicAlreadyExists = 36,

    /// <summary>The count of partitions is outside its bounds, or would shrink. Correct it.</summary>
    InvalidPartitions = 37,

    /// <summary>The store does not keep that many copies. Ask for at most as many as the description of a topic says.</summary>
    InvalidReplicationFactor = 38,

    /// <summary>A setting is unknown or its value is outside its bounds. Correct it.</summary>
    InvalidConfig = 40,

    /// <summary>The request is malformed; the error names the field and what is allowed. Correct it.</summary>
    InvalidRequest = 42,

    /// <summary>The batch's format (magic) is not 2, the only one that this service stores. Send format 2.</summary>
    UnsupportedForMessageFormat = 43,

    /// <summary>A limit that the operator has set does not allow the operation. Ask the operator to raise it.</summary>
    PolicyViolation = 44,

    /// <summary>A producer's sequence numbers have a gap: an earlier batch is missing. Send that batch first.</summary>
    OutOfOrderSequenceNumber = 45,

    /// <summary>The batch was stored earlier, so long ago that its offset is not remembered. Go on with the next batch.</summary>
    DuplicateSequenceNumber = 46,

    /// <summary>A newer producer with this id has taken over. Stop.</summary>
    InvalidProducerEpoch = 47,

    /// <summary>The store failed, and the append was certainly not stored. Retry.</summary>
    KafkaStorageError = 56,

    /// <summary>The caller has not signed in, or with what is not valid, or not any more. Sign in.</summary>
    SaslAuthenticationFailed = 58,

    /// <summary>The batch's producer id is not known here. Take a new id; earlier batches may be stored.</summary>
    UnknownProducerId = 59,

    /// <summary>The group still has members and cannot be deleted. Remove its members first.</summary>
    NonEmptyGroup = 68,

    /// <summary>There is no such group. Correct the name.</summary>
    GroupIdNotFound = 69,

    /// <summary>The batch's compression is not one of the four known codecs. Compress it with one of them, or not at all.</summary>
    UnsupportedCompressionType = 76,

    /// <summary>A limit on pending bytes or on the request rate is reached; nothing was stored. Retry after the time given.</summary>
    ThrottlingQuotaExceeded = 89,

    /// <summary>A member joins in two steps, and has been given its id. Join again with that.</summary>
    MemberIdRequired = 79,

    /// <summary>The group has as many members as it may. Remove one first, or take another group.</summary>
    GroupMaxSizeReached = 81,

    /// <summary>Another process has joined under the same instance id and took this one's place. Stop.</summary>
    FencedInstanceId = 82,

    /// <summary>Members of the group read the topic, so its offsets stay. Stop reading it first.</summary>
    GroupSubscribedToTopic = 86,

    /// <summary>A record breaks a rule that the error names. Correct it.</summary>
    InvalidRecord = 87,

    /// <summary>There is no such key, or no such right. Correct the name.</summary>
    ResourceNotFound = 91,

    /// <summary>The topic id is not known: the topic was deleted. Ask for the topic by its name.</summary>
    UnknownTopicId = 100,

    /// <summary>The member epoch is fenced: the member was replaced or its lease ended. Poll again.</summary>
    FencedMemberEpoch = 110,

    /// <summary>Another process is in the group under the same instance id, and has not left it. Stop that one first, or take another id.</summary>
    UnreleasedInstanceId = 111,

    /// <summary>There is no such assignor. Name one that the error lists.</summary>
    UnsupportedAssignor = 112,

    /// <summary>The member epoch is stale. The answer holds the new one. Go on with that.</summary>
    StaleMemberEpoch = 113,

    /// <summary>A pattern of topic names cannot be read, or is not supported. Correct it.</summary>
    InvalidRegularExpression = 128,

    /// <summary>
    /// The partition's next offset is not the one that the caller named as condition. Read what was appended, then
    /// decide anew. This code is ours: Kafka has no conditional append.
    /// </summary>
    OffsetConditionFailed = 1001,

    /// <summary>
    /// The partition is offline: durable bytes are damaged, or its medium failed repeatedly. Ask an operator to act.
    /// This code is ours.
    /// </summary>
    PartitionOffline = 1002,

    /// <summary>An idempotency key was used again with another request. Take a new key for a new request. This code is ours.</summary>
    IdempotencyKeyReused = 1003,

    /// <summary>The server is stopping and takes no new work; nothing was stored. Retry elsewhere. This code is ours.</summary>
    ShuttingDown = 1004,

    /// <summary>
    /// A request with the same idempotency key is still running. Repeat the request a moment later to get its answer. This code is ours.
    /// </summary>
    IdempotencyKeyInUse = 1005,

    /// <summary>There is an API key of that id already. Take another id. Ours.</summary>
    KeyAlreadyExists = 1006,

    /// <summary>
    /// Records that fail wait in place in the group, and offsets alone do not say which others were passed over for them. Commit with a poll, by the
    /// cursor of the answer. Ours.
    /// </summary>
    RecordsWaitInPlace = 1007,
}
