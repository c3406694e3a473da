using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;

namespace OrleansStream.Partitions;

/// <summary>The errors that a partition's grain gives in place of its log.</summary>
internal static partial class PartitionErrors
{
    /// <summary>The partition is just leaving this silo.</summary>
    public static readonly StreamError Closing =
        new(StreamErrorCode.NotLeaderOrFollower, "The partition is moving to another server; nothing was stored.");

    /// <summary>The append follows a newer version of the topic, which could not be read.</summary>
    public static readonly StreamError TopicUnknown =
        new(StreamErrorCode.NotLeaderOrFollower, "The topic's settings could not be read just now; nothing was stored.");

    /// <summary>The caller's deadline passed.</summary>
    public static readonly StreamError TimedOut =
        new(StreamErrorCode.RequestTimedOut, "The deadline passed before the records were known to be stored.") { OutcomeUnknown = true };

    /// <summary>The topic was deleted.</summary>
    /// <param name="key">The partition.</param>
    public static StreamError TopicGone(PartitionKey key) =>
        new(StreamErrorCode.UnknownTopicId, $"There is no topic with the id {key.TopicId:D}: it was deleted.");

    /// <summary>The topic has fewer partitions.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="partition">The partition asked for.</param>
    /// <param name="count">The count there is.</param>
    public static StreamError NoSuchPartition(string topic, int partition, int count) =>
        new(StreamErrorCode.UnknownTopicOrPartition, $"Topic '{topic}' has partitions 0 to {count - 1}, not {partition}.")
        {
            Field = "partition",
        };

    /// <summary>Says why a log could not be opened, or its bytes not freed.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="damage">The damage that it is about, or null.</param>
    public static StreamError NotOpened(Exception exception, StoredDamage? damage = null) => exception switch
    {
        LogFencedException => new StreamError(StreamErrorCode.NotLeaderOrFollower, exception.Message),
        LogCorruptException => new StreamError(StreamErrorCode.PartitionOffline, exception.Message) { Damage = damage },
        CorruptDocumentException => new StreamError(StreamErrorCode.PartitionOffline, exception.Message),
        StoreUnavailableException or StoreFullException => new StreamError(StreamErrorCode.KafkaStorageError, exception.Message)
        {
            RetryAfterMs = (int)PartitionGrainLimits.RetryAge.TotalMilliseconds,
        },
        // What any other exception says is of the inside: addresses and stack traces. The log has it.
        _ => new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition could not be opened just now; nothing was stored."),
    };

    /// <summary>The damage of a log, told so that an operator finds it.</summary>
    /// <param name="damage">The log's.</param>
    /// <param name="topic">The topic's name; its id where the name is not known.</param>
    /// <param name="partition">The partition's number.</param>
    public static StoredDamage? DamageOf(LogDamage? damage, string topic, int partition) => damage is null
        ? null
        : new StoredDamage(topic, partition, damage.Offset, damage.Segment, damage.Position);

    /// <summary>Says why a call to a partition gave no answer. What nobody foresaw is for the log, and not for the caller.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="isWrite">True when the call may have taken effect all the same.</param>
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

    /// <summary>Whether opening fails until an operator acts.</summary>
    /// <param name="exception">The failure.</param>
    public static bool IsForOperator(Exception exception) => exception is LogCorruptException or CorruptDocumentException;

    [LoggerMessage(Level = LogLevel.Error, Message = "A call to a partition failed")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
