using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Storage;

namespace OrleansStream.Log.Reading;

/// <summary>The errors that readers get when the store cannot be read.</summary>
internal static class ReadErrors
{
    /// <summary>The error for an exception; null for an unexpected one.</summary>
    public static LogError? Of(Exception exception) => exception switch
    {
        StoreUnavailableException or SegmentNotFoundException or CorruptDocumentException =>
            new LogError(StreamErrorCode.KafkaStorageError, $"The store could not be read: {exception.Message}"),
        LogCorruptException corrupt => new LogError(StreamErrorCode.PartitionOffline, corrupt.Message) { Damage = corrupt.Damage },
        ColdReadsBusyException => new LogError(
            StreamErrorCode.ThrottlingQuotaExceeded, $"{exception.Message} Try again.", RetryAfter: LogLimits.RetryPauseMax),
        _ => null,
    };
}
