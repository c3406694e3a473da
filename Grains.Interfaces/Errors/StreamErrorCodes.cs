namespace OrleansStream.Errors;

/// <summary>Facts about error codes that hold at every door.</summary>
public static class StreamErrorCodes
{
    /// <summary>True when the same request may succeed later.</summary>
    /// <param name="code">The code.</param>
    /// <remarks>Source: the <c>RetriableException</c>s of <c>org.apache.kafka.common.protocol.Errors</c>, and this service's own codes.</remarks>
    public static bool IsRetriable(this StreamErrorCode code) => code is
        StreamErrorCode.UnknownServerError
        or StreamErrorCode.NotLeaderOrFollower
        or StreamErrorCode.RequestTimedOut
        or StreamErrorCode.CoordinatorLoadInProgress
        or StreamErrorCode.CoordinatorNotAvailable
        or StreamErrorCode.RebalanceInProgress
        or StreamErrorCode.KafkaStorageError
        or StreamErrorCode.ThrottlingQuotaExceeded
        or StreamErrorCode.PartitionOffline
        or StreamErrorCode.IdempotencyKeyInUse
        or StreamErrorCode.ShuttingDown;
}
