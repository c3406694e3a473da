using System.Text;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;

namespace OrleansStream.Client.Consuming;

/// <summary>A record that was delivered to a consumer.</summary>
/// <typeparam name="T">The type of its value.</typeparam>
public sealed class ConsumedRecord<T>
{
    private readonly AnswerProgress? _progress;
    private readonly Rarities? _rarities;
    private readonly ReadOnlyMemory<byte> _key;
    private readonly long _timestampMs;
    private readonly int _index;
    private readonly bool _hasKey;

    internal ConsumedRecord(in PolledRecord record, T? value, AnswerProgress? progress, int index)
        : this(record.Place, record.TimestampMs ?? -1, record.Key, value, record.Value is null, record.Headers, record.Attempt, record.Origin)
    {
        (_progress, _index) = (progress, index);
    }

    internal ConsumedRecord(
        in RecordPlace place, long timestampMs, ReadOnlyMemory<byte>? key, T? value, bool isTombstone, IReadOnlyList<StreamHeader>? headers,
        int attempt = 1, RecordPlace? origin = null)
    {
        (Topic, Partition, Offset) = place;
        _timestampMs = timestampMs;
        (_hasKey, _key) = (key is not null, key.GetValueOrDefault());
        Value = value;
        IsTombstone = isTombstone;
        if (headers is { Count: > 0 } || attempt != 1 || origin is not null)
            _rarities = new Rarities(headers ?? [], attempt, origin);
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
    public string? Key => _hasKey ? Encoding.UTF8.GetString(_key.Span) : null;

    /// <summary>The key's bytes; null for none.</summary>
    public ReadOnlyMemory<byte>? KeyBytes => _hasKey ? _key : (ReadOnlyMemory<byte>?)null;

    /// <summary>The value; of a tombstone null, or what a type that cannot be null has in its place.</summary>
    public T? Value { get; }

    /// <summary>True for a record without a value.</summary>
    public bool IsTombstone { get; }

    /// <summary>Its headers, in order.</summary>
    public IReadOnlyList<StreamHeader> Headers => _rarities?.Headers ?? [];

    /// <summary>Which attempt this is: 1, and more for a record that failed before.</summary>
    public int Attempt => _rarities?.Attempt ?? 1;

    /// <summary>Where it came from, if it failed before and waited in a retry topic; else null.</summary>
    public RecordPlace? Origin => _rarities?.Origin;

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
    /// With the next commit the service knows. Call it before the handler returns, or before the next record is asked for. It does nothing once the
    /// record's partition is lost: the record is delivered again anyway.
    /// </summary>
    /// <param name="reason">Why; it is kept with the record, up to <see cref="ConsumerLimits.ReasonLengthMax"/> characters.</param>
    /// <param name="cancellationToken">Ends the question for the group's policy.</param>
    /// <exception cref="InvalidOperationException">
    /// The group has no retry policy, or the consumer has gone on from this record, or it does not come of a group.
    /// </exception>
    public ValueTask FailAsync(string reason, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(reason);
        return (_progress ?? throw new InvalidOperationException("The record was read without a group, so it cannot fail."))
            .FailAsync(_index, new RecordPlace(Topic, Partition, Offset), KeyBytes, reason, cancellationToken);
    }

    /// <summary>
    /// The record is done with, though the next one is not asked for: whoever leaves <c>await foreach</c> at this record calls it first, or the
    /// record is delivered again.
    /// </summary>
    public void Complete() => _progress?.Complete(_index);

    /// <summary>What most records have not, so that these cost nothing for it.</summary>
    private sealed record Rarities(IReadOnlyList<StreamHeader> Headers, int Attempt, RecordPlace? Origin);
}
