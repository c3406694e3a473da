using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using OrleansStream.Client.Records;
using OrleansStream.Client.Telemetry;
using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>
/// Holds encoded records, one or several of a list, until they are copied into batches. Values that are bytes already are not copied here. It is used
/// again for later records.
/// </summary>
internal sealed class RecordRun : IDisposable
{
    private const int KeptBytesMax = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly RecordHeadersWriter _headers = new();
    private Entry[] _entries = new Entry[1];
    private long _takenBytes;
    private int _first;
    private int _end;

    /// <summary>How many of its records are to be added next.</summary>
    public int Count { get; private set; }

    /// <summary>How many records it holds.</summary>
    public int LeftCount => _end - _first;

    /// <summary>True when no more records of a list are to be encoded.</summary>
    public bool IsFull => _end == ProducerLimits.RunRecordsMax || _bytes.WrittenCount >= ProducerLimits.RunBytesMax;

    /// <summary>The memory that was taken for its records and that no batch has yet, in bytes.</summary>
    public long TakenBytes
    {
        get => _takenBytes;
        set => _takenBytes = value;
    }

    /// <summary>A record, where it lies here.</summary>
    /// <param name="index">Its place among those of the run.</param>
    public EncodedRecord this[int index]
    {
        get
        {
            ref readonly var entry = ref _entries[_first + index];
            var bytes = _bytes.WrittenSpan;
            return new EncodedRecord(ref _takenBytes)
            {
                TimestampMs = entry.TimestampMs,
                Key = bytes.Slice(entry.KeyPosition, Math.Max(0, entry.KeyLengthBytes)),
                HasKey = entry.KeyLengthBytes >= 0,
                Value = entry.ValuePosition < 0 ? entry.Value.Span : bytes.Slice(entry.ValuePosition, entry.ValueLengthBytes),
                HasValue = entry.HasValue,
                Headers = bytes.Slice(entry.HeadersPosition, entry.HeadersLengthBytes),
                LengthBytes = entry.LengthBytes,
            };
        }
    }

    /// <summary>The memory that a record needs until it is stored, in bytes.</summary>
    /// <param name="lengthBytes">The most bytes that it adds to a batch.</param>
    public static int NeededBy(int lengthBytes) => lengthBytes + ProducerLimits.RecordOverheadBytes;

    /// <summary>A record's time, in milliseconds since the Unix epoch.</summary>
    /// <typeparam name="T">The type of its value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="nowMs">The time of a record that has none.</param>
    /// <exception cref="ArgumentException">It is before 1970.</exception>
    public static long TimeOf<T>(in OutgoingRecord<T> record, long nowMs)
    {
        var timestampMs = record.Timestamp?.ToUnixTimeMilliseconds() ?? nowMs;
        return timestampMs >= 0 ? timestampMs : throw new ArgumentException("A record's time is 1970 or later.", nameof(record));
    }

    /// <summary>The partition that a record names; null for none.</summary>
    /// <param name="index">The record's place among those of the run.</param>
    public int? PartitionOf(int index) => _entries[_first + index].Partition;

    /// <summary>Whether a record goes to any partition: it has no key, and names none.</summary>
    /// <param name="index">Its place among those of the run.</param>
    public bool IsFree(int index) => _entries[_first + index] is { KeyLengthBytes: < 0, Partition: null };

    /// <summary>The memory that the first records need until they are stored, in bytes.</summary>
    /// <param name="count">How many.</param>
    public long NeededBytes(int count)
    {
        var needed = 0L;
        foreach (ref readonly var entry in _entries.AsSpan(_first, count))
            needed += NeededBy(entry.LengthBytes);
        return needed;
    }

    /// <summary>How many of the first records batches have, when memory was taken for all.</summary>
    public int CountInBatches()
    {
        var count = Count;
        for (var left = TakenBytes; left > 0; left -= NeededBy(_entries[_first + count].LengthBytes))
            count--;
        return count;
    }

    /// <summary>Encodes a record behind the others.</summary>
    /// <typeparam name="T">The type of its value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="encoder">Encodes the value.</param>
    /// <param name="traceParent">The span in which it is sent; null for none.</param>
    /// <param name="nowMs">The time of a record that has none.</param>
    /// <returns>The most bytes that it adds to a batch.</returns>
    /// <exception cref="ArgumentException">
    /// The record has a key in two forms, too many headers, or a time before 1970. It is not among those of the run then.
    /// </exception>
    public int Encode<T>(in OutgoingRecord<T> record, ValueEncoder<T> encoder, string? traceParent, long nowMs)
    {
        if (_end == _entries.Length)
            Array.Resize(ref _entries, ProducerLimits.RunRecordsMax);
        ref var entry = ref _entries[_end];
        entry = default;
        entry.TimestampMs = TimeOf(record, nowMs);
        entry.Partition = record.Partition;
        if (record is { Key: not null, KeyBytes: not null })
            throw new ArgumentException("A record has a key as text or as bytes, and not both.", nameof(record));
        EncodeKey(record.Key, record.KeyBytes, ref entry);
        EncodeHeaders(record.Headers, traceParent, ref entry);
        entry.HasValue = !record.IsTombstone && record.Value is not null;
        if (entry.HasValue)
            EncodeValue(record.Value!, encoder, ref entry);
        entry.LengthBytes = RecordBatchWriter.EncodedRecordLengthBytes(
            Math.Max(0, entry.KeyLengthBytes), entry.ValueLengthBytes, entry.HeadersLengthBytes);
        _end++;
        Count = LeftCount;
        return entry.LengthBytes;
    }

    /// <summary>Has no more records added next than so many.</summary>
    /// <param name="count">How many of those that it holds.</param>
    public void Show(int count) => Count = count;

    /// <summary>Drops the first records: they are in batches.</summary>
    /// <param name="count">How many.</param>
    public void Drop(int count)
    {
        Array.Clear(_entries, _first, count);
        _first += count;
        Count = LeftCount;
    }

    /// <summary>Drops the last record.</summary>
    public void DropLast()
    {
        _entries[--_end] = default;
        Count = LeftCount;
    }

    /// <inheritdoc/>
    public void Dispose() => _headers.Dispose();

    private void EncodeKey(string? text, ReadOnlyMemory<byte>? bytes, ref Entry entry)
    {
        entry.KeyLengthBytes = -1;
        if (text is null && bytes is null)
            return;
        entry.KeyPosition = _bytes.WrittenCount;
        if (text is not null)
            Encoding.UTF8.GetBytes(text, _bytes);
        else
            _bytes.Write(bytes!.Value.Span);
        entry.KeyLengthBytes = _bytes.WrittenCount - entry.KeyPosition;
    }

    private void EncodeHeaders(IReadOnlyList<StreamHeader>? headers, string? traceParent, ref Entry entry)
    {
        var count = headers?.Count ?? 0;
        if (count == 0 && traceParent is null)
            return;
        if (count > ProducerLimits.HeadersMax)
            throw new ArgumentException($"A record has {count} headers; at most {ProducerLimits.HeadersMax} are taken.", nameof(headers));
        _headers.Reset();
        for (var i = 0; i < count; i++)
        {
            var header = headers![i];
            _headers.Append(header.Key, header.Value is { } value ? value.Span : default, header.Value is not null);
        }

        if (traceParent is not null)
            _headers.Append(ClientTelemetry.TraceParentHeader, Encoding.ASCII.GetBytes(traceParent));
        entry.HeadersPosition = _bytes.WrittenCount;
        _bytes.Write(_headers.EncodedHeaders);
        entry.HeadersLengthBytes = _bytes.WrittenCount - entry.HeadersPosition;
    }

    private void EncodeValue<T>(T value, ValueEncoder<T> encoder, ref Entry entry)
    {
        if (encoder.Plain is { } plain)
        {
            entry.ValuePosition = -1;
            entry.Value = plain.BytesOf(value);
            entry.ValueLengthBytes = entry.Value.Length;
            return;
        }

        entry.ValuePosition = _bytes.WrittenCount;
        encoder.Serializer.Serialize(value, _bytes);
        entry.ValueLengthBytes = _bytes.WrittenCount - entry.ValuePosition;
    }

    /// <summary>Where a record lies: in the run's own bytes, or its value with the caller.</summary>
    private struct Entry
    {
        public long TimestampMs;
        public ReadOnlyMemory<byte> Value;
        public int? Partition;
        public int KeyPosition;
        public int KeyLengthBytes;
        public int HeadersPosition;
        public int HeadersLengthBytes;
        public int ValuePosition;
        public int ValueLengthBytes;
        public int LengthBytes;
        public bool HasValue;
    }

    /// <summary>Runs that are not in use. One is at hand: most producers need no more.</summary>
    internal sealed class Pool
    {
        private readonly ConcurrentQueue<RecordRun> _others = new();
        private RecordRun? _atHand;

        /// <summary>Gives one without records.</summary>
        public RecordRun Rent() =>
            Interlocked.Exchange(ref _atHand, null) ?? (_others.TryDequeue(out var run) ? run : new RecordRun());

        /// <summary>Takes one back.</summary>
        /// <param name="run">It is not used any more.</param>
        public void Return(RecordRun run)
        {
            // The callers' memory is not held any longer.
            Array.Clear(run._entries, 0, Math.Min(run._end + 1, run._entries.Length));
            run._bytes.ResetWrittenCount();
            run._first = run._end = run.Count = 0;
            if (run._bytes.Capacity > KeptBytesMax)
                run.Dispose();
            else if (Interlocked.CompareExchange(ref _atHand, run, null) is null)
                return;
            else if (_others.Count < ProducerLimits.KeptRunsMax)
                _others.Enqueue(run);
            else
                run.Dispose();
        }
    }
}
