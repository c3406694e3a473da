using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Converts between the log's types and those of the grain contracts.</summary>
internal static class PartitionConversions
{
    /// <summary>The settings of a topic's logs.</summary>
    /// <param name="config">The topic's settings.</param>
    public static LogOptions ToLogOptions(TopicConfig config) => new()
    {
        SegmentBytes = config.SegmentBytes,
        SegmentAge = TimeSpan.FromMilliseconds(config.SegmentMs),
        MessageBytesMax = config.MaxMessageBytes,
        FlushInterval = TimeSpan.FromMilliseconds(config.FlushIntervalMs),
        RetentionAge = config.RetentionMs < 0 ? null : TimeSpan.FromMilliseconds(config.RetentionMs),
        RetentionBytes = config.RetentionBytes < 0 ? null : config.RetentionBytes,
        StampsAppendTime = config.TimestampType == TimestampType.LogAppendTime,
        TimestampAheadMax = TimeSpan.FromMilliseconds(config.TimestampAfterMaxMs),
    };

    /// <summary>When the log is to answer.</summary>
    /// <param name="acks">The acks that the producer asked for.</param>
    public static LogAcks ToLog(Acks acks) => acks switch
    {
        Acks.None => LogAcks.Admitted,
        Acks.Leader => LogAcks.Ordered,
        _ => LogAcks.Durable,
    };

    /// <summary>The answer to an append.</summary>
    /// <param name="result">The log's result.</param>
    public static AppendResponse ToResponse(in LogAppendResult result) => new(
        ToError(result.Error), result.BaseOffset, result.AppendTimeMs, result.LogStartOffset, result.Duplicate);

    /// <summary>The answer to an append that was not made, or whose outcome is unknown.</summary>
    /// <param name="error">Why it failed or was refused.</param>
    public static AppendResponse Failed(StreamError? error) => new(error, BaseOffset: -1, LogAppendTimeMs: -1, LogStartOffset: -1);

    /// <summary>The answer to the repeat of an append whose outcome is known.</summary>
    /// <param name="stored">The outcome.</param>
    public static AppendResponse ToResponse(in StoredPart stored) =>
        new(stored.Error, stored.BaseOffset, stored.LogAppendTimeMs, LogStartOffset: -1, Duplicate: stored.Error is null);

    /// <summary>The answer to a fetch. An error about offsets has both bounds of the log.</summary>
    /// <param name="result">The log's result.</param>
    /// <param name="damage">The damage that the fetch met, or null.</param>
    public static FetchResponse ToResponse(in LogFetchResult result, StoredDamage? damage) => new(
        WithBounds(ToError(result.Error, damage), result.LogStartOffset, result.HighWatermark),
        result.Offset, result.Batches, result.HighWatermark, result.LogStartOffset);

    /// <summary>The answer to a search by time.</summary>
    /// <param name="result">The log's result.</param>
    /// <param name="damage">The damage that the search met, or null.</param>
    public static FindOffsetResponse ToResponse(in LogFindResult result, StoredDamage? damage) =>
        new(ToError(result.Error, damage), result.Offset, result.TimestampMs) { Epoch = result.Epoch };

    /// <summary>The answer to a search for an epoch's end.</summary>
    /// <param name="end">The log's result.</param>
    /// <param name="leaderEpoch">The epoch of the log's owner.</param>
    /// <param name="damage">The damage that the search met, or null.</param>
    public static EpochEndResponse ToResponse(in LogEpochEnd end, int leaderEpoch, StoredDamage? damage) =>
        new(ToError(end.Error, damage), end.Epoch, end.EndOffset, leaderEpoch);

    /// <summary>An error; if it is about offsets, with both bounds of the log.</summary>
    /// <param name="error">The log's error.</param>
    /// <param name="state">The log's state.</param>
    public static StreamError? ToError(LogError? error, LogState state) =>
        WithBounds(ToError(error), state.LogStartOffset, state.HighWatermark);

    /// <summary>The state of a partition.</summary>
    /// <param name="key">The partition.</param>
    /// <param name="state">The state of its log; null when the log is not open.</param>
    /// <param name="error">Why the log is not open, or another failure.</param>
    /// <param name="leader">The silo of the partition.</param>
    /// <param name="rates">The traffic of its log; null when the log is not open.</param>
    public static PartitionDescription Describe(
        PartitionKey key, LogState? state, StreamError? error, string leader, LogRates? rates = null) =>
        state is { } log
            ? new PartitionDescription(
                key.Partition, error, log.LogStartOffset, log.HighWatermark, log.SizeBytes, log.Epoch, leader, log.SegmentCount)
            {
                DeletingBytes = log.DeletingBytes,
                In = ToFlow(rates?.In),
                Out = ToFlow(rates?.Out),
            }
            : Unavailable(key.Partition, error!, leader);

    /// <summary>A partition whose state is not known.</summary>
    /// <param name="partition">Its number.</param>
    /// <param name="error">Why the state is not known.</param>
    /// <param name="leader">The silo of the partition, or empty.</param>
    public static PartitionDescription Unavailable(int partition, StreamError error, string leader = "") => new(
        partition, error, LogStartOffset: -1, HighWatermark: -1, SizeBytes: 0, LeaderEpoch: -1, leader, SegmentCount: 0);

    private static PartitionFlow? ToFlow(FlowRates? rates) => rates is { } flow
        ? new PartitionFlow(flow.RecordsPerSecond1, flow.RecordsPerSecond5, flow.BytesPerSecond1, flow.BytesPerSecond5)
        : null;

    private static StreamError? ToError(LogError? error, StoredDamage? damage = null) =>
        error is null ? null : new StreamError(error.Code, error.Detail)
    {
        Damage = damage,
        OutcomeUnknown = error.OutcomeUnknown,
        RetryAfterMs = error.RetryAfter is { } wait ? (int)Math.Ceiling(wait.TotalMilliseconds) : null,
        NextOffset = error.NextOffset,
    };

    private static StreamError? WithBounds(StreamError? error, long logStartOffset, long highWatermark) =>
        error is { Code: StreamErrorCode.OffsetOutOfRange }
            ? error with { LogStartOffset = logStartOffset, HighWatermark = highWatermark }
            : error;
}
