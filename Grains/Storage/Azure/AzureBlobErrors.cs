using Azure;
using Azure.Identity;
using Azure.Storage.Blobs.Models;

namespace OrleansStream.Storage.Azure;

/// <summary>What a failed call to the account means: the one place that reads Azure's error codes.</summary>
internal static class AzureBlobErrors
{
    // The service's documentation and its servers do not agree on one name.
    private static readonly string[] SealedCodes = ["BlobIsSealed", "BlobHasBeenSealed"];

    /// <summary>
    /// Tells whether the exception comes from the account, the way to it, or whoever gives out tokens for it. A cancellation
    /// counts too: the SDK throws it for its own timeout.
    /// </summary>
    public static bool IsStoreError(Exception exception) =>
        exception is RequestFailedException or IOException or HttpRequestException or OperationCanceledException
            or AuthenticationFailedException or AggregateException { InnerException: RequestFailedException or IOException };

    /// <summary>What is known of an append that failed so. What is not known for certain is unknown.</summary>
    public static AppendStatus ToAppendStatus(Exception exception) => exception switch
    {
        _ when Has(exception, BlobErrorCode.AppendPositionConditionNotMet) => AppendStatus.Conflict,
        _ when IsSealed(exception) => AppendStatus.Sealed,
        _ when Has(exception, BlobErrorCode.BlockCountExceedsLimit) => AppendStatus.SegmentFull,
        _ when IsMissing(exception) => AppendStatus.NotFound,
        _ => AppendStatus.Unknown,
    };

    /// <summary>
    /// Tells whether there is no such blob. A missing container is no missing blob: nobody may take a store that is gone
    /// for one that is empty.
    /// </summary>
    public static bool IsMissing(Exception exception) => Has(exception, BlobErrorCode.BlobNotFound);

    /// <summary>Tells whether a blob was there already, or another version of it than was expected.</summary>
    public static bool IsConflict(Exception exception) =>
        Has(exception, BlobErrorCode.BlobAlreadyExists) || Has(exception, BlobErrorCode.ConditionNotMet);

    /// <summary>Tells whether the blob takes no more appends.</summary>
    public static bool IsSealed(Exception exception) =>
        exception is RequestFailedException { ErrorCode: { } code } && SealedCodes.Contains(code);

    /// <summary>Tells whether a read began at or past the blob's end.</summary>
    public static bool IsBeyondEnd(Exception exception) => Has(exception, BlobErrorCode.InvalidRange);

    /// <summary>
    /// Tells whether trying again may help: no answer, too many requests, or a failure of the service's own. An identity that
    /// is not there at all does not come by waiting.
    /// </summary>
    public static bool IsTransient(Exception exception) => exception switch
    {
        RequestFailedException { Status: var status } => status is 0 or 408 or 429 or >= 500 and not 501,
        CredentialUnavailableException => false,
        _ => true,
    };

    /// <summary>Tells whether the account refused the call before it looked at it, so that it had no effect for certain.</summary>
    public static bool IsThrottled(Exception exception) =>
        exception is RequestFailedException { Status: 429 } || Has(exception, BlobErrorCode.ServerBusy);

    /// <summary>How long the account asks to wait, if it does.</summary>
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
