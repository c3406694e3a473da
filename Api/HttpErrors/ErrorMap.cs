using System.Collections.Frozen;
using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.HttpErrors;

/// <summary>How an error looks over HTTP.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Title">The same few words for every occurrence (RFC 9457 <c>title</c>).</param>
/// <param name="Retriable">True when the very same request may succeed later.</param>
internal readonly record struct HttpError(int Status, string Title, bool Retriable = false);

/// <summary>What HTTP itself refuses, before any code of the service is asked.</summary>
internal enum HttpFault
{
    /// <summary>No endpoint has this path.</summary>
    NoSuchPath,

    /// <summary>The path exists, and not with this method.</summary>
    MethodNotAllowed,

    /// <summary>None of the media types in <c>Accept</c> is offered.</summary>
    NotAcceptable,

    /// <summary>The body's media type or encoding is not taken.</summary>
    UnsupportedMediaType,

    /// <summary>The body is longer than the limit.</summary>
    BodyTooLarge,

    /// <summary>The headers or the body came too slowly.</summary>
    BodyTooSlow,

    /// <summary>The path and the query are longer than the limit.</summary>
    UriTooLong,

    /// <summary>The headers are longer, or more, than the limit.</summary>
    HeadersTooLarge,

    /// <summary>The service is not ready to take work.</summary>
    NotReady,

    /// <summary>Nobody signs in, and the request is for a name that is none of loopback.</summary>
    HostNotAllowed,

    /// <summary>A page of another origin sent it.</summary>
    OriginNotAllowed,
}

/// <summary>
/// The one table from error code to HTTP. Nothing else decides on the status of an error over HTTP, in any process.
/// </summary>
internal static class ErrorMap
{
    private static readonly FrozenDictionary<StreamErrorCode, string> Names = Enum.GetValues<StreamErrorCode>()
        .ToFrozenDictionary(code => code, code => ToScreamingSnakeCase(code.ToString()));

    /// <summary>How a code looks over HTTP.</summary>
    /// <param name="code">Any code but <see cref="StreamErrorCode.None"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="code"/> is no error.</exception>
    public static HttpError Of(StreamErrorCode code)
    {
        (var status, var title) = PlaceOf(code);
        return new HttpError(status, title, code.IsRetriable());
    }

    private static (int Status, string Title) PlaceOf(StreamErrorCode code) => code switch
    {
        StreamErrorCode.UnknownServerError => (StatusCodes.Status500InternalServerError, "The server failed"),
        StreamErrorCode.OffsetOutOfRange => (StatusCodes.Status416RangeNotSatisfiable, "Offset outside the log"),
        StreamErrorCode.CorruptMessage => (StatusCodes.Status400BadRequest, "Damaged record batch"),
        StreamErrorCode.UnknownTopicOrPartition => (StatusCodes.Status404NotFound, "No such topic or partition"),
        StreamErrorCode.NotLeaderOrFollower => (StatusCodes.Status503ServiceUnavailable, "The partition is moving"),
        StreamErrorCode.RequestTimedOut => (StatusCodes.Status504GatewayTimeout, "The deadline passed"),
        StreamErrorCode.MessageTooLarge => (StatusCodes.Status413PayloadTooLarge, "Record too large"),
        StreamErrorCode.OffsetMetadataTooLarge => (StatusCodes.Status413PayloadTooLarge, "Offset metadata too large"),
        StreamErrorCode.CoordinatorLoadInProgress => (StatusCodes.Status503ServiceUnavailable, "The group is loading"),
        StreamErrorCode.CoordinatorNotAvailable => (StatusCodes.Status503ServiceUnavailable, "The group is unavailable"),
        StreamErrorCode.InvalidTopicException => (StatusCodes.Status400BadRequest, "Not a topic name"),
        StreamErrorCode.RecordListTooLarge => (StatusCodes.Status413PayloadTooLarge, "Too many records at once"),
        StreamErrorCode.IllegalGeneration => (StatusCodes.Status409Conflict, "Stale group generation"),
        StreamErrorCode.InconsistentGroupProtocol => (StatusCodes.Status409Conflict, "The group is of another kind"),
        StreamErrorCode.InvalidGroupId => (StatusCodes.Status400BadRequest, "Not a group name"),
        StreamErrorCode.UnknownMemberId => (StatusCodes.Status409Conflict, "Not a member"),
        StreamErrorCode.InvalidSessionTimeout => (StatusCodes.Status400BadRequest, "Session outside its bounds"),
        StreamErrorCode.RebalanceInProgress => (StatusCodes.Status409Conflict, "The group is moving partitions"),
        StreamErrorCode.TopicAuthorizationFailed => (StatusCodes.Status403Forbidden, "No right on the topic"),
        StreamErrorCode.GroupAuthorizationFailed => (StatusCodes.Status403Forbidden, "No right on the group"),
        StreamErrorCode.ClusterAuthorizationFailed => (StatusCodes.Status403Forbidden, "No right on the cluster"),
        StreamErrorCode.SaslAuthenticationFailed => (StatusCodes.Status401Unauthorized, "Not signed in"),
        StreamErrorCode.ResourceNotFound => (StatusCodes.Status404NotFound, "No such key or right"),
        StreamErrorCode.KeyAlreadyExists => (StatusCodes.Status409Conflict, "The key exists"),
        StreamErrorCode.RecordsWaitInPlace => (StatusCodes.Status409Conflict, "Records wait in place"),
        StreamErrorCode.InvalidTimestamp => (StatusCodes.Status400BadRequest, "Timestamp outside its bounds"),
        StreamErrorCode.TopicAlreadyExists => (StatusCodes.Status409Conflict, "The topic exists and differs"),
        StreamErrorCode.InvalidPartitions => (StatusCodes.Status400BadRequest, "Partition count outside its bounds"),
        StreamErrorCode.InvalidReplicationFactor => (StatusCodes.Status400BadRequest, "The store keeps fewer copies"),
        StreamErrorCode.InvalidConfig => (StatusCodes.Status400BadRequest, "Invalid topic setting"),
        StreamErrorCode.InvalidRequest => (StatusCodes.Status400BadRequest, "Malformed request"),
        StreamErrorCode.UnsupportedForMessageFormat => (StatusCodes.Status400BadRequest, "Record batch format not supported"),
        StreamErrorCode.PolicyViolation => (StatusCodes.Status403Forbidden, "Not allowed by the operator's limits"),
        StreamErrorCode.OutOfOrderSequenceNumber => (StatusCodes.Status409Conflict, "Sequence number out of order"),
        StreamErrorCode.DuplicateSequenceNumber => (StatusCodes.Status409Conflict, "Stored before"),
        StreamErrorCode.InvalidProducerEpoch => (StatusCodes.Status409Conflict, "A newer producer took over"),
        StreamErrorCode.KafkaStorageError => (StatusCodes.Status503ServiceUnavailable, "The store failed"),
        StreamErrorCode.UnknownProducerId => (StatusCodes.Status409Conflict, "Unknown producer"),
        StreamErrorCode.NonEmptyGroup => (StatusCodes.Status409Conflict, "The group has members"),
        StreamErrorCode.GroupIdNotFound => (StatusCodes.Status404NotFound, "No such group"),
        StreamErrorCode.UnsupportedCompressionType => (StatusCodes.Status400BadRequest, "Compression not supported"),
        StreamErrorCode.MemberIdRequired => (StatusCodes.Status409Conflict, "The member was given an id"),
        StreamErrorCode.GroupMaxSizeReached => (StatusCodes.Status403Forbidden, "The group is full"),
        StreamErrorCode.FencedInstanceId => (StatusCodes.Status409Conflict, "The member was replaced"),
        StreamErrorCode.GroupSubscribedToTopic => (StatusCodes.Status409Conflict, "Members read the topic"),
        StreamErrorCode.ThrottlingQuotaExceeded => (StatusCodes.Status429TooManyRequests, "Too much at once"),
        StreamErrorCode.InvalidRecord => (StatusCodes.Status400BadRequest, "Invalid record"),
        StreamErrorCode.UnknownTopicId => (StatusCodes.Status404NotFound, "The topic was deleted"),
        StreamErrorCode.FencedMemberEpoch => (StatusCodes.Status409Conflict, "The member was replaced"),
        StreamErrorCode.UnreleasedInstanceId => (StatusCodes.Status409Conflict, "The instance id is taken"),
        StreamErrorCode.UnsupportedAssignor => (StatusCodes.Status400BadRequest, "No such assignor"),
        StreamErrorCode.InvalidRegularExpression => (StatusCodes.Status400BadRequest, "Not a pattern"),
        StreamErrorCode.StaleMemberEpoch => (StatusCodes.Status409Conflict, "Stale member epoch"),
        StreamErrorCode.OffsetConditionFailed => (StatusCodes.Status412PreconditionFailed, "The log is not where If-Match said"),
        StreamErrorCode.PartitionOffline => (StatusCodes.Status503ServiceUnavailable, "The partition is offline"),
        StreamErrorCode.IdempotencyKeyReused => (StatusCodes.Status422UnprocessableEntity, "Idempotency key reused"),
        StreamErrorCode.IdempotencyKeyInUse => (StatusCodes.Status409Conflict, "The request is still being made"),
        StreamErrorCode.ShuttingDown => (StatusCodes.Status503ServiceUnavailable, "The server is stopping"),
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "No error, or one without a place in this table."),
    };

    /// <summary>How a refusal of HTTP's own looks.</summary>
    /// <param name="fault">The refusal.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="fault"/> is none of them.</exception>
    public static HttpError Of(HttpFault fault) => fault switch
    {
        HttpFault.NoSuchPath => new(StatusCodes.Status404NotFound, "No such path"),
        HttpFault.MethodNotAllowed => new(StatusCodes.Status405MethodNotAllowed, "Method not allowed here"),
        HttpFault.NotAcceptable => new(StatusCodes.Status406NotAcceptable, "Media type not offered"),
        HttpFault.UnsupportedMediaType => new(StatusCodes.Status415UnsupportedMediaType, "Media type or encoding not taken"),
        HttpFault.BodyTooLarge => new(StatusCodes.Status413PayloadTooLarge, "Request body too large"),
        HttpFault.BodyTooSlow => new(StatusCodes.Status408RequestTimeout, "Request too slow", true),
        HttpFault.UriTooLong => new(StatusCodes.Status414UriTooLong, "Path and query too long"),
        HttpFault.HeadersTooLarge => new(StatusCodes.Status431RequestHeaderFieldsTooLarge, "Request headers too large"),
        HttpFault.NotReady => new(StatusCodes.Status503ServiceUnavailable, "Not ready", true),
        HttpFault.HostNotAllowed => new(StatusCodes.Status421MisdirectedRequest, "Not for this host"),
        HttpFault.OriginNotAllowed => new(StatusCodes.Status403Forbidden, "Not for pages of this origin"),
        _ => throw new ArgumentOutOfRangeException(nameof(fault)),
    };

    /// <summary>The fault behind a status that a part of ASP.NET Core set by itself; null when the status is no such fault.</summary>
    /// <param name="status">The HTTP status.</param>
    public static HttpFault? FaultOf(int status) => status switch
    {
        StatusCodes.Status404NotFound => HttpFault.NoSuchPath,
        StatusCodes.Status405MethodNotAllowed => HttpFault.MethodNotAllowed,
        StatusCodes.Status406NotAcceptable => HttpFault.NotAcceptable,
        StatusCodes.Status415UnsupportedMediaType => HttpFault.UnsupportedMediaType,
        StatusCodes.Status413PayloadTooLarge => HttpFault.BodyTooLarge,
        StatusCodes.Status408RequestTimeout => HttpFault.BodyTooSlow,
        StatusCodes.Status414UriTooLong => HttpFault.UriTooLong,
        StatusCodes.Status431RequestHeaderFieldsTooLarge => HttpFault.HeadersTooLarge,
        _ => null,
    };

    /// <summary>The name of a refusal of HTTP's own, such as <c>METHOD_NOT_ALLOWED</c>.</summary>
    /// <param name="fault">The refusal.</param>
    public static string NameOf(HttpFault fault) => ToScreamingSnakeCase(fault.ToString());

    /// <summary>Kafka's name of a code, such as <c>UNKNOWN_TOPIC_OR_PARTITION</c>.</summary>
    /// <param name="code">The code.</param>
    public static string NameOf(StreamErrorCode code) => Names[code];

    private static string ToScreamingSnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 8);
        for (var i = 0; i < name.Length; i++)
        {
            if (i > 0 && char.IsUpper(name[i]))
                text.Append('_');
            text.Append(char.ToUpperInvariant(name[i]));
        }

        return text.ToString();
    }
}
