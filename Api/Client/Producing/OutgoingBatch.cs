using System.Runtime.InteropServices;
using OrleansStream.Client.Connections;
using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>A batch of one partition, from its first record until it is known what became of it.</summary>
/// <param name="writer">Encodes its records; it belongs to the batch.</param>
/// <param name="takenAt">When its first record was taken, as a timestamp of the producer's clock.</param>
internal sealed class OutgoingBatch(RecordBatchWriter writer, long takenAt)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<AwaitedRecords> _awaited = [];
    private int _awaitedCount;
    private int _toldRuns;

    /// <summary>Encodes its records.</summary>
    public RecordBatchWriter Writer => writer;

    /// <summary>When its first record was taken, as a timestamp of the producer's clock.</summary>
    public long TakenAt => takenAt;

    /// <summary>The memory that its records take, in bytes.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Ends once it is known what became of the records.</summary>
    public Task Ended => _ended.Task;

    /// <summary>True when there are records that nobody waits for.</summary>
    public bool HasUnawaited => _awaitedCount < writer.Count;

    /// <summary>Adds a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    public void Add(in EncodedRecord record, IDelivery? delivery, int index)
    {
        var place = writer.Count;
        // What there may be no memory for comes first: a record is in the batch with its memory and with whoever waits for it, or not at all.
        if (delivery is not null)
            _awaited.EnsureCapacity(_awaited.Count + 1);
        writer.Append(record.TimestampMs, record.Key, record.HasKey, record.Value, record.HasValue, record.Headers);
        HeldBytes += record.HandOver();
        if (delivery is not null)
            Await(new AwaitedRecords(delivery, index, place, 1, record.TimestampMs));
    }

    /// <summary>Tells everybody who waits that the records are stored.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="baseOffset">The first record's offset; -1 when the service no longer knows.</param>
    public void Complete(string topic, int partition, long baseOffset) => Tell(topic, partition, baseOffset, error: null);

    /// <summary>Tells everybody who waits why the records are not stored, or not known to be.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="error">Why it failed or was refused.</param>
    public void Fail(string topic, int partition, StreamServiceException error) => Tell(topic, partition, baseOffset: -1, error);

    /// <summary>Divides the batch, so that only the records that are refused fail.</summary>
    /// <param name="options">The fields of both halves' headers.</param>
    /// <param name="rent">Gives a writer.</param>
    /// <returns>The halves. The memory of the records stays this batch's.</returns>
    public (OutgoingBatch First, OutgoingBatch Second) Split(in RecordBatchOptions options, Func<RecordBatchWriter> rent)
    {
        var half = writer.Count / 2;
        var first = new OutgoingBatch(rent(), takenAt);
        var second = new OutgoingBatch(rent(), takenAt);
        first.Writer.Reset(options);
        second.Writer.Reset(options);
        var reader = new RecordBatchReader(writer.WrittenBatch().Span);
        try
        {
            for (var place = 0; reader.TryReadNext(out var record); place++)
            {
                (place < half ? first : second).Writer.Append(
                    record.TimestampMs, record.Key, record.HasKey, record.Value, record.HasValue, record.EncodedHeaders);
            }
        }
        finally
        {
            reader.Dispose();
        }

        foreach (var records in _awaited)
        {
            var before = Math.Clamp(half - records.Place, 0, records.Count);
            if (before > 0)
                first.Await(records with { Count = before });
            if (before < records.Count)
                second.Await(records with { Index = records.Index + before, Place = records.Place + before - half, Count = records.Count - before });
        }

        return (first, second);
    }

    /// <summary>It is known what became of all records, and they have been told.</summary>
    public void End() => _ended.TrySetResult();

    // Each record is told of once, and one that cannot be told of keeps it from no other.
    private void Tell(string topic, int partition, long baseOffset, StreamServiceException? error)
    {
        while (_toldRuns < _awaited.Count)
        {
            var records = _awaited[_toldRuns++];
            var time = DateTimeOffset.FromUnixTimeMilliseconds(records.TimestampMs);
            try
            {
                records.Delivery.Tell(
                    records.Index, records.Count,
                    new SendResult(topic, partition, baseOffset < 0 ? -1 : baseOffset + records.Place, time) { Error = error });
            }
            catch (Exception)
            {
                // What it throws is its own, and says nothing of the batch.
            }
        }
    }

    private void Await(in AwaitedRecords records)
    {
        _awaitedCount += records.Count;
        if (_awaited.Count > 0)
        {
            ref var last = ref CollectionsMarshal.AsSpan(_awaited)[^1];
            if (last.IsFollowedBy(records.Delivery, records.Index, records.Place, records.TimestampMs))
            {
                last.Count += records.Count;
                return;
            }
        }

        _awaited.Add(records);
    }
}

/// <summary>A record as bytes, before it is in a batch.</summary>
/// <param name="takenBytes">The memory that was taken for it, and maybe for others, and that no batch has yet, in bytes.</param>
internal readonly ref struct EncodedRecord(ref long takenBytes)
{
    private readonly ref long _takenBytes = ref takenBytes;

    /// <summary>Its time, in milliseconds since the Unix epoch.</summary>
    public required long TimestampMs { get; init; }

    /// <summary>The key's bytes.</summary>
    public required ReadOnlySpan<byte> Key { get; init; }

    /// <summary>False for a record without a key.</summary>
    public required bool HasKey { get; init; }

    /// <summary>The value's bytes.</summary>
    public required ReadOnlySpan<byte> Value { get; init; }

    /// <summary>False for a tombstone.</summary>
    public required bool HasValue { get; init; }

    /// <summary>The headers as encoded; empty for none.</summary>
    public required ReadOnlySpan<byte> Headers { get; init; }

    /// <summary>The most bytes that it adds to a batch.</summary>
    public required int LengthBytes { get; init; }

    /// <summary>A record that has a value and nothing else.</summary>
    /// <param name="timestampMs">Its time, in milliseconds since the Unix epoch.</param>
    /// <param name="value">The value's bytes.</param>
    /// <param name="hasValue">False for a tombstone.</param>
    /// <param name="lengthBytes">The most bytes that it adds to a batch.</param>
    /// <param name="takenBytes">The memory that was taken for it, in bytes.</param>
    public static EncodedRecord OfValue(
        long timestampMs, ReadOnlySpan<byte> value, bool hasValue, int lengthBytes, ref long takenBytes) => new(ref takenBytes)
    {
        TimestampMs = timestampMs,
        Key = default,
        HasKey = false,
        Value = value,
        HasValue = hasValue,
        Headers = default,
        LengthBytes = lengthBytes,
    };

    /// <summary>The batch has the record now, and with it the record's memory.</summary>
    /// <returns>The memory, in bytes, which is no longer among what was taken.</returns>
    public long HandOver()
    {
        // For a record that needs more than there is, all that there is was taken.
        var bytes = Math.Min(RecordRun.NeededBy(LengthBytes), _takenBytes);
        _takenBytes -= bytes;
        return bytes;
    }
}
