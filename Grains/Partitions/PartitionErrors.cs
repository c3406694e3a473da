using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;

namespace OrleansStream.Partitions;

/// <summary>The errors of a partition's grain that do not come from its log.</summary>
internal static partial class PartitionErrors
{
    /// <summary>The partition is leaving this silo.</summary>
    public static readonly StreamError Closing =
        new(StreamErrorCode.NotLeaderOrFollower, "The partition is moving to another server; nothing was stored.");

    /// <summary>The append names a silo that must lead the partition, and another one does.</summary>
    public static readonly StreamError LedElsewhere =
        new(StreamErrorCode.NotLeaderOrFollower, "Another server leads the partition; nothing was stored.");

    /// <summary>The append needs a newer version of the topic, which could not be read.</summary>
    public static readonly StreamError TopicUnknown =
        new(StreamErrorCode.NotLeaderOrFollower, "The topic's settings could not be read; nothing was stored. Try again.");

    /// <summary>The caller's deadline passed.</summary>
    public static readonly StreamError TimedOut =
        new(StreamErrorCode.RequestTimedOut, "The deadline passed before the records were known to be stored.") { OutcomeUnknown = true };

    /// <summary>The topic was deleted.</summary>
    /// <param name="key">The partition.</param>
    public static StreamError TopicGone(PartitionKey key) =>
        new(StreamErrorCode.UnknownTopicId, $"There is no topic with the id {key.TopicId:D}: it was deleted.");

    /// <summary>The topic has no partition with the number.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The number that was asked for.</param>
    /// <param name="count">The count of the topic's partitions.</param>
    public static StreamError NoSuchPartition(string topic, int partition, int count) =>
        new(StreamErrorCode.UnknownTopicOrPartition, $"Topic '{topic}' has partitions 0 to {count - 1}, not {partition}.")
        {
            Field = "partition",
        };

    /// <summary>The error for a log that could not be opened, or whose bytes could not be freed.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="damage">The damage that caused it, or null.</param>
    public static StreamError NotOpened(Exception exception, StoredDamage? damage = null) => exception switch
    {
        LogFencedException => new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message),
        LogCorruptException => new StreamError(StreamErrorCode.PartitionOffline, exception.Message) { Damage = damage },
        CorruptDocumentException => new StreamError(StreamErrorCode.PartitionOffline, exception.Message),
        StoreUnavailableException or StoreFullException => new StreamError(StreamErrorCode.KafkaStorageError, exception.Message)
        {
            RetryAfterMs = (int)PartitionGrainLimits.RetryAge.TotalMilliseconds,
        },
        // Other exceptions tell internal things, such as addresses and stack traces, which only the server's log may have.
        _ => new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition could not be opened; nothing was stored. Try again."),
    };

    /// <summary>The damage of a log, in the form that an operator needs to find it.</summary>
    /// <param name="damage">The damage, in the log's terms.</param>
    /// <param name="topic">The topic's name, or its id if the name is not known.</param>
    /// <param name="partition">The partition's number.</param>
    public static StoredDamage? DamageOf(LogDamage? damage, string topic, int partition) => damage is null
        ? null
        : new StoredDamage(topic, partition, damage.Offset, damage.Segment, damage.Position);

    /// <summary>The error for a call to a partition that got no answer. An unexpected exception goes to the log, and not to the caller.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="isWrite">True when the call may have taken effect nevertheless.</param>
    /// <param name="logger">The caller's log.</param>
    public static StreamError Explain(Exception exception, bool isWrite, ILogger logger)
    {
        switch (exception)
        {
            case OperationCanceledException or TimeoutException:
                return new StreamError(StreamErrorCode.RequestTimedOut, "The deadline passed before the partition answered.")
                {
                    OutcomeUnknown = isWrite,
                };
            case OrleansException:
                return new StreamError(StreamErrorCode.RequestTimedOut, "The server that led the partition went away before it answered.")
                {
                    OutcomeUnknown = isWrite,
                };
            default:
                LogFailed(logger, exception);
                return new StreamError(StreamErrorCode.UnknownServerError, "The partition failed; the server's log says why.")
                {
                    OutcomeUnknown = isWrite,
                };
        }
    }

    /// <summary>Whether opening will fail until an operator acts.</summary>
    /// <param name="exception">The failure.</param>
    public static bool IsForOperator(Exception exception) => exception is LogCorruptException or CorruptDocumentException;

    [LoggerMessage(Level = LogLevel.Error, Message = "A call to a partition failed")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
