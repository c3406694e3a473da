using System.Net.Sockets;
using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;

namespace OrleansStream.Storage.Azure;

/// <summary>Classifies failed calls to the account. No other code reads Azure's error codes.</summary>
internal static class AzureBlobErrors
{
    // The service's documentation and its servers use different names for the same error.
    private static readonly string[] SealedCodes = ["BlobIsSealed", "BlobHasBeenSealed"];

    /// <summary>
    /// Whether the exception comes from the account, from the way to it, or from the issuer of its tokens. A cancellation counts too, because the SDK
    /// throws it for its own timeout, and a socket's own exception, because .NET's HTTP handler passes it on where the other side resets a connection
    /// as soon as it is made.
    /// </summary>
    public static bool IsStoreError(Exception exception) =>
        exception is RequestFailedException or IOException or HttpRequestException or SocketException or OperationCanceledException
            or AuthenticationFailedException or AggregateException { InnerException: RequestFailedException or IOException or SocketException };

    /// <summary>The status of an append that failed with an exception. Whatever is not certain is <see cref="AppendStatus.Unknown"/>.</summary>
    public static AppendStatus ToAppendStatus(Exception exception) => exception switch
    {
        _ when Has(exception, BlobErrorCode.AppendPositionConditionNotMet) => AppendStatus.Conflict,
        _ when IsSealed(exception) => AppendStatus.Sealed,
        _ when Has(exception, BlobErrorCode.BlockCountExceedsLimit) => AppendStatus.SegmentFull,
        _ when IsMissing(exception) => AppendStatus.NotFound,
        _ => AppendStatus.Unknown,
    };

    /// <summary>
    /// Whether the blob does not exist. A missing container does not count, because a store that is gone must not be taken for an empty one.
    /// </summary>
    public static bool IsMissing(Exception exception) => Has(exception, BlobErrorCode.BlobNotFound);

    /// <summary>Whether the blob exists already, or has another version than expected.</summary>
    public static bool IsConflict(Exception exception) =>
        Has(exception, BlobErrorCode.BlobAlreadyExists) || Has(exception, BlobErrorCode.ConditionNotMet);

    /// <summary>Whether the blob takes no more appends.</summary>
    public static bool IsSealed(Exception exception) =>
        exception is RequestFailedException { ErrorCode: { } code } && SealedCodes.Contains(code);

    /// <summary>Whether a read began at or past the blob's end.</summary>
    public static bool IsBeyondEnd(Exception exception) => Has(exception, BlobErrorCode.InvalidRange);

    /// <summary>
    /// Whether trying again may help: there was no answer, there were too many requests, or the service itself failed. A missing identity does not
    /// appear by waiting.
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        RequestFailedException { Status: var status } => status is 0 or 408 or 429 or >= 500 and not 501,
        CredentialUnavailableException => false,
        _ => true,
    };

    /// <summary>Whether the account refused the call before it looked at it, so that the call certainly had no effect.</summary>
    public static bool IsThrottled(Exception exception) =>
        exception is RequestFailedException { Status: 429 } || Has(exception, BlobErrorCode.ServerBusy);

    /// <summary>How long the account asks to wait; null when it does not ask.</summary>
    public static TimeSpan? GetRetryAfter(Exception exception) =>
        exception is RequestFailedException failure
            && failure.GetRawResponse() is { } response
            && response.Headers.TryGetValue("Retry-After", out var value)
            && int.TryParse(value, out var seconds)
            && seconds >= 0
            ? TimeSpan.FromSeconds(seconds)
            : null;

    private static bool Has(Exception exception, BlobErrorCode code) =>
        exception is RequestFailedException failure && failure.ErrorCode == code.ToString();
}
