using System.Net;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Connections;

/// <summary>The service refused a request, or could not be reached.</summary>
public sealed class StreamServiceException : Exception
{
    /// <summary>An error without a message of its own.</summary>
    public StreamServiceException()
        : this("The request failed.")
    {
    }

    /// <summary>An error that the client found itself.</summary>
    /// <param name="message">What is wrong.</param>
    public StreamServiceException(string message)
        : this(message, null)
    {
    }

    /// <summary>An error that has a cause.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="innerException">The cause.</param>
    public StreamServiceException(string message, Exception? innerException)
        : base(message, innerException) => ErrorCode = "UNKNOWN_SERVER_ERROR";

    /// <summary>
    /// Kafka's name of the error, such as <c>UNKNOWN_TOPIC_OR_PARTITION</c>; <c>NETWORK_EXCEPTION</c> when no answer came,
    /// <c>SASL_AUTHENTICATION_FAILED</c> when who calls is not let in or its credential gives no token, and <c>GAPLESS_GUARANTEE</c> for a record
    /// that a gapless producer did not send.
    /// </summary>
    public string ErrorCode { get; init; }

    /// <summary>The answer's HTTP status; null when no answer came.</summary>
    public HttpStatusCode? Status { get; init; }

    /// <summary>True when the very same request may succeed later.</summary>
    public bool IsRetriable { get; init; }

    /// <summary>True when it is not known whether a write took effect: it took effect once or not at all.</summary>
    public bool IsOutcomeUnknown { get; init; }

    /// <summary>What the service said; null when no answer came, or one that is not the service's.</summary>
    public Problem? Problem { get; init; }

    /// <summary>Kafka's name of the error when no answer came.</summary>
    internal const string NetworkException = "NETWORK_EXCEPTION";

    /// <summary>Kafka's name of the error when there is nothing to sign in with.</summary>
    internal const string NotSignedIn = "SASL_AUTHENTICATION_FAILED";

    /// <summary>The name of the error when a record is not sent since an earlier one of its partition failed, as Kafka's C client has it.</summary>
    internal const string GaplessGuarantee = "GAPLESS_GUARANTEE";

    /// <summary>The same error with the outcome that is known only to who made all tries.</summary>
    /// <param name="isOutcomeUnknown">True when an earlier try may have taken effect.</param>
    internal StreamServiceException WithOutcome(bool isOutcomeUnknown) => isOutcomeUnknown == IsOutcomeUnknown ? this : new(Message, this)
    {
        ErrorCode = ErrorCode,
        Status = Status,
        IsRetriable = IsRetriable,
        IsOutcomeUnknown = isOutcomeUnknown,
        Problem = Problem,
    };
}
