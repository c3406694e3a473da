using System.Text;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Consuming;

/// <summary>A record that was delivered to a consumer.</summary>
/// <typeparam name="T">The type of its value.</typeparam>
public sealed class ConsumedRecord<T>
{
    private readonly AnswerProgress? _progress;
    private readonly int _index;
    private readonly long _timestampMs;

    internal ConsumedRecord(in PolledRecord record, T? value, AnswerProgress? progress, int index)
    {
        (_progress, _index) = (progress, index);
        (Topic, Partition, Offset) = record.Place;
        _timestampMs = record.TimestampMs ?? -1;
        KeyBytes = record.Key is { } key ? key.ToArray() : (ReadOnlyMemory<byte>?)null;
        Value = value;
        IsTombstone = record.Value is null;
        Headers = record.Headers ?? [];
        Attempt = record.Attempt;
        Origin = record.Origin;
    }

    internal ConsumedRecord(
        in RecordPlace place, long timestampMs, ReadOnlyMemory<byte>? key, T? value, bool isTombstone, IReadOnlyList<StreamHeader> headers)
    {
        (Topic, Partition, Offset) = place;
        _timestampMs = timestampMs;
        KeyBytes = key;
        Value = value;
        IsTombstone = isTombstone;
        Headers = headers;
        Attempt = 1;
    }

    /// <summary>The topic that it is in.</summary>
    public string Topic { get; }

    /// <summary>The partition that it is in.</summary>
    public int Partition { get; }

    /// <summary>Its place in the partition.</summary>
    public long Offset { get; }

    /// <summary>Its time; null when it has none.</summary>
    public DateTimeOffset? Timestamp => _timestampMs < 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(_timestampMs);

    /// <summary>The key as text; null for none. Bytes that are not UTF-8 become U+FFFD.</summary>
    public string? Key => KeyBytes is { } bytes ? Encoding.UTF8.GetString(bytes.Span) : null;

    /// <summary>The key's bytes; null for none.</summary>
    public ReadOnlyMemory<byte>? KeyBytes { get; }

    /// <summary>The value; of a tombstone null, or what a type that cannot be null has in its place.</summary>
    public T? Value { get; }

    /// <summary>True for a record without a value.</summary>
    public bool IsTombstone { get; }

    /// <summary>Its headers, in order.</summary>
    public IReadOnlyList<StreamHeader> Headers { get; }

    /// <summary>Which attempt this is: 1, and more for a record that failed before.</summary>
    public int Attempt { get; }

    /// <summary>Where it came from, if it failed before and waited in a retry topic; else null.</summary>
    public RecordPlace? Origin { get; }

    /// <summary>The span in which it was sent, by its headers (W3C Trace Context); null for none.</summary>
    internal string? SentIn
    {
        get
        {
            for (var i = 0; i < Headers.Count; i++)
            {
                if (Headers[i].Key == ClientTelemetry.TraceParentHeader)
                    return Headers[i].Text;
            }

            return null;
        }
    }

    /// <summary>
    /// The record could not be worked on. It is delivered again when the group's retry policy says, and after the last attempt it is a dead letter.
    /// With the next commit the service knows. Call it before the handler returns, or before the next record is asked for.
    /// </summary>
    /// <param name="reason">Why; it is kept with the record, up to <see cref="ConsumerLimits.ReasonLengthMax"/> characters.</param>
    /// <param name="cancellationToken">Ends the question for the group's policy.</param>
    /// <exception cref="InvalidOperationException">
    /// The group has no retry policy, or the consumer has gone on from this record, or it does not come of a group.
    /// </exception>
    public ValueTask FailAsync(string reason, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return (_progress ?? throw new InvalidOperationException("The record was read without a group, so it cannot fail.")).FailAsync(_index, reason, cancellationToken);
    }

    /// <summary>
    /// The record is done with, though the next one is not asked for: whoever leaves <c>await foreach</c> at this record calls it first, or the
    /// record is delivered again.
    /// </summary>
    public void Complete() => _progress?.Complete(_index);
}
