using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Calls;

/// <summary>Answers the requests of one API. Safe for any thread: there is one for all connections.</summary>
/// <remarks>
/// What a client can do wrong is an error code in the answer. An exception closes the connection: <see cref="MalformedFrameException"/> for a request
/// that cannot be read, any other is logged as a failure of the service.
/// </remarks>
internal interface IRequestHandler
{
    /// <summary>The API, and the versions that are served: no version that no test of a real client chose.</summary>
    ApiRange Api { get; }

    /// <summary>
    /// True when the next request of the connection is read while this one is answered: what it does has its place before that of the next one when
    /// <see cref="HandleAsync"/> returns. False to handle each request when those before it are answered.
    /// </summary>
    bool IsPipelined => false;

    /// <summary>Answers a request.</summary>
    /// <param name="call">The request, and its answer.</param>
    Task HandleAsync(KafkaCall call);
}
