using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Between the log's words and the contract's.</summary>
internal static class PartitionMapping
{
    /// <summary>The log's settings of a topic.</summary>
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

    /// <summary>When the log answers.</summary>
    /// <param name="acks">What the producer asked for.</param>
    public static LogAcks ToLog(Acks acks) => acks switch
    {
        Acks.None => LogAcks.Admitted,
        Acks.Leader => LogAcks.Ordered,
        _ => LogAcks.Durable,
    };

    /// <summary>The answer to an append.</summary>
    /// <param name="result">The log's.</param>
    public static AppendResponse ToResponse(in LogAppendResult result) => new(
        ToError(result.Error), result.BaseOffset, result.AppendTimeMs, result.LogStartOffset, result.Duplicate);

    /// <summary>The answer to a fetch. An error about offsets carries both bounds.</summary>
    /// <param name="result">The log's.</param>
    /// <param name="damage">The damage that it met, or null.</param>
    public static FetchResponse ToResponse(in LogFetchResult result, StoredDamage? damage) => new(
        WithBounds(ToError(result.Error, damage), result.LogStartOffset, result.HighWatermark),
        result.Offset, result.Batches, result.HighWatermark, result.LogStartOffset);

    /// <summary>The answer to a search by time.</summary>
    /// <param name="result">The log's.</param>
    /// <param name="damage">The damage that it met, or null.</param>
    public static FindOffsetResponse ToResponse(in LogFindResult result, StoredDamage? damage) =>
        new(ToError(result.Error, damage), result.Offset, result.TimestampMs);

    /// <summary>An error that may be about offsets.</summary>
    /// <param name="error">The log's.</param>
    /// <param name="state">The log's state.</param>
    public static StreamError? ToError(LogError? error, LogState state) =>
        WithBounds(ToError(error), state.LogStartOffset, state.HighWatermark);

    /// <summary>The state of a partition.</summary>
    /// <param name="key">Which.</param>
    /// <param name="state">Its log's state, or null when it is not open.</param>
    /// <param name="error">Why it is not, or what else failed.</param>
    /// <param name="leader">The silo it is on.</param>
    /// <param name="rates">Its log's traffic, or null when it is not open.</param>
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
    /// <param name="error">Why.</param>
    /// <param name="leader">The silo it is on, or empty.</param>
    public static PartitionDescription Unavailable(int partition, StreamError error, string leader = "") => new(
        partition, error, LogStartOffset: -1, HighWatermark: -1, SizeBytes: 0, LeaderEpoch: -1, leader, SegmentCount: 0);

    private static PartitionFlow? ToFlow(FlowRates? rates) => rates is { } flow
        ? new PartitionFlow(flow.RecordsPerSecond1, flow.RecordsPerSecond5, flow.BytesPerSecond1, flow.BytesPerSecond5)
        : null;

    private static StreamError? ToError(LogError? error, StoredDamage? damage = null) => error is null ? null : new StreamError(error.Code, error.Detail)
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
