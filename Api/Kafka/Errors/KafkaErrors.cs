using OrleansStream.Errors;

namespace OrleansStream.Kafka.Errors;

/// <summary>The one table from the service's error codes to Kafka's. What may succeed later has a code that clients repeat.</summary>
/// <remarks>
/// Confluent.Kafka 2.16, kafkajs 2.2 and kafka-python repeat a produce that is answered with 3, 5, 6, 7, 14, 19 or 20. So these alone say "try again";
/// a code of the same meaning that a client takes as the end, such as 89, is not told. 19 and 20 (too few replicas) are never sent.
/// </remarks>
internal static class KafkaErrors
{
    /// <summary>The code for an error.</summary>
    /// <param name="error">The error; null for none.</param>
    /// <param name="again">What tells the clients of an API that nothing was done and that the same request may succeed a moment later.</param>
    public static KafkaError Of(StreamError? error, KafkaError again = KafkaError.NotLeaderOrFollower) => error switch
    {
        null => KafkaError.None,
        // The request may have taken effect, so the client is not told the error. An idempotent client repeats the request safely.
        { OutcomeUnknown: true } => KafkaError.RequestTimedOut,
        _ => Of(error.Code, again),
    };

    /// <summary>The code for a code.</summary>
    /// <param name="code">The code.</param>
    /// <param name="again">What says that nothing was done and that the same request may succeed a moment later.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none of the service's.</exception>
    public static KafkaError Of(StreamErrorCode code, KafkaError again = KafkaError.NotLeaderOrFollower) => code switch
    {
        StreamErrorCode.None => KafkaError.None,
        // The outcome is unknown: an idempotent client repeats it safely, and no client repeats -1.
        StreamErrorCode.UnknownServerError => KafkaError.RequestTimedOut,
        StreamErrorCode.RequestTimedOut => KafkaError.RequestTimedOut,
        StreamErrorCode.OffsetOutOfRange => KafkaError.OffsetOutOfRange,
        StreamErrorCode.CorruptMessage => KafkaError.CorruptMessage,
        StreamErrorCode.UnknownTopicOrPartition => KafkaError.UnknownTopicOrPartition,
        StreamErrorCode.UnknownTopicId => KafkaError.UnknownTopicOrPartition,
        StreamErrorCode.NotLeaderOrFollower or StreamErrorCode.KafkaStorageError or StreamErrorCode.ThrottlingQuotaExceeded
            or StreamErrorCode.PartitionOffline or StreamErrorCode.ShuttingDown or StreamErrorCode.IdempotencyKeyInUse => again,
        StreamErrorCode.MessageTooLarge => KafkaError.MessageTooLarge,
        StreamErrorCode.RecordListTooLarge => KafkaError.MessageTooLarge,
        StreamErrorCode.OffsetMetadataTooLarge => KafkaError.OffsetMetadataTooLarge,
        StreamErrorCode.CoordinatorLoadInProgress => KafkaError.CoordinatorLoadInProgress,
        StreamErrorCode.CoordinatorNotAvailable => KafkaError.CoordinatorLoadInProgress,
        StreamErrorCode.InvalidTopicException => KafkaError.InvalidTopicException,
        StreamErrorCode.IllegalGeneration => KafkaError.IllegalGeneration,
        StreamErrorCode.InconsistentGroupProtocol => KafkaError.InconsistentGroupProtocol,
        StreamErrorCode.InvalidGroupId => KafkaError.InvalidGroupId,
        StreamErrorCode.InvalidSessionTimeout => KafkaError.InvalidSessionTimeout,
        StreamErrorCode.MemberIdRequired => KafkaError.MemberIdRequired,
        StreamErrorCode.GroupMaxSizeReached => KafkaError.GroupMaxSizeReached,
        StreamErrorCode.FencedInstanceId => KafkaError.FencedInstanceId,
        StreamErrorCode.GroupSubscribedToTopic => KafkaError.GroupSubscribedToTopic,
        StreamErrorCode.UnreleasedInstanceId => KafkaError.UnreleasedInstanceId,
        StreamErrorCode.UnsupportedAssignor => KafkaError.UnsupportedAssignor,
        StreamErrorCode.InvalidRegularExpression => KafkaError.InvalidRegularExpression,
        StreamErrorCode.UnknownMemberId => KafkaError.UnknownMemberId,
        StreamErrorCode.RebalanceInProgress => KafkaError.RebalanceInProgress,
        StreamErrorCode.TopicAuthorizationFailed => KafkaError.TopicAuthorizationFailed,
        StreamErrorCode.GroupAuthorizationFailed => KafkaError.GroupAuthorizationFailed,
        StreamErrorCode.ClusterAuthorizationFailed => KafkaError.ClusterAuthorizationFailed,
        // Clients take 58 for an answer to a sign-in only, and ask again for ever elsewhere.
        StreamErrorCode.SaslAuthenticationFailed => KafkaError.TopicAuthorizationFailed,
        StreamErrorCode.InvalidTimestamp => KafkaError.InvalidTimestamp,
        StreamErrorCode.TopicAlreadyExists => KafkaError.TopicAlreadyExists,
        StreamErrorCode.InvalidPartitions => KafkaError.InvalidPartitions,
        StreamErrorCode.InvalidReplicationFactor => KafkaError.InvalidReplicationFactor,
        StreamErrorCode.InvalidConfig => KafkaError.InvalidConfig,
        StreamErrorCode.InvalidRequest => KafkaError.InvalidRequest,
        StreamErrorCode.UnsupportedForMessageFormat => KafkaError.UnsupportedForMessageFormat,
        StreamErrorCode.PolicyViolation => KafkaError.PolicyViolation,
        StreamErrorCode.OutOfOrderSequenceNumber => KafkaError.OutOfOrderSequenceNumber,
        StreamErrorCode.DuplicateSequenceNumber => KafkaError.DuplicateSequenceNumber,
        StreamErrorCode.InvalidProducerEpoch => KafkaError.InvalidProducerEpoch,
        StreamErrorCode.UnknownProducerId => KafkaError.UnknownProducerId,
        StreamErrorCode.NonEmptyGroup => KafkaError.NonEmptyGroup,
        StreamErrorCode.GroupIdNotFound => KafkaError.GroupIdNotFound,
        StreamErrorCode.UnsupportedCompressionType => KafkaError.UnsupportedCompressionType,
        StreamErrorCode.InvalidRecord => KafkaError.InvalidRecord,
        StreamErrorCode.FencedMemberEpoch => KafkaError.FencedMemberEpoch,
        StreamErrorCode.StaleMemberEpoch => KafkaError.StaleMemberEpoch,
        // No request of Kafka's protocol has conditions or keys that could fail so.
        StreamErrorCode.OffsetConditionFailed => KafkaError.InvalidRequest,
        StreamErrorCode.IdempotencyKeyReused => KafkaError.InvalidRequest,
        StreamErrorCode.ResourceNotFound or StreamErrorCode.KeyAlreadyExists => KafkaError.InvalidRequest,
        // Only commits of members that poll are refused for that, and those do not commit by Kafka's protocol.
        StreamErrorCode.RecordsWaitInPlace => KafkaError.InvalidRequest,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "It has no place in the table of Kafka's errors."),
    };

    /// <summary>Whether clients repeat what is answered so, of the codes that this service sends.</summary>
    /// <param name="error">The code.</param>
    public static bool IsRepeated(KafkaError error) => error is
        KafkaError.UnknownTopicOrPartition or KafkaError.LeaderNotAvailable or KafkaError.NotLeaderOrFollower or KafkaError.RequestTimedOut
        or KafkaError.CoordinatorLoadInProgress;
}
