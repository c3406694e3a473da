using System.Buffers;
using System.Collections.Concurrent;
using System.Text;
using OrleansStream.Client.Records;
using OrleansStream.Client.Serialization;
using OrleansStream.Client.Telemetry;
using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>
/// Holds an encoded record until it is copied into a batch. A value of bytes is not copied here. A scratch is used again for later records.
/// </summary>
internal sealed class RecordScratch : IDisposable
{
    private const int KeptBytesMax = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly RecordHeadersWriter _headers = new();
    private ReadOnlyMemory<byte> _value;
    private int _keyLengthBytes;
    private bool _hasKey;
    private bool _hasValue;
    private bool _hasHeaders;
    private long _timestampMs;

    /// <summary>The most bytes that the record adds to a batch.</summary>
    public int LengthBytes { get; private set; }

    /// <summary>True when the record has a key.</summary>
    public bool HasKey => _hasKey;

    /// <summary>The key's bytes.</summary>
    public ReadOnlySpan<byte> Key => _bytes.WrittenSpan[.._keyLengthBytes];

    /// <summary>The record, where it lies here.</summary>
    /// <param name="heldBytes">The memory that was taken for it.</param>
    public EncodedRecord Encoded(long heldBytes) => new()
    {
        TimestampMs = _timestampMs,
        Key = Key,
        HasKey = _hasKey,
        Value = _value.Span,
        HasValue = _hasValue,
        Headers = _hasHeaders ? _headers.EncodedHeaders : default,
        HeldBytes = heldBytes,
        LengthBytes = LengthBytes,
    };

    /// <summary>Encodes a record.</summary>
    /// <typeparam name="T">The type of its value.</typeparam>
    /// <param name="record">The record.</param>
    /// <param name="serializer">Writes the value.</param>
    /// <param name="traceParent">The span in which it is sent; null for none.</param>
    /// <param name="nowMs">The time of a record that has none.</param>
    /// <exception cref="ArgumentException">The record has a key in two forms, too many headers, or a time before 1970.</exception>
    public void Encode<T>(in OutgoingRecord<T> record, ISerializer<T> serializer, string? traceParent, long nowMs)
    {
        _bytes.ResetWrittenCount();
        _value = default;
        _timestampMs = record.Timestamp?.ToUnixTimeMilliseconds() ?? nowMs;
        if (_timestampMs < 0)
            throw new ArgumentException("A record's time is 1970 or later.", nameof(record));
        if (record is { Key: not null, KeyBytes: not null })
            throw new ArgumentException("A record has a key as text or as bytes, and not both.", nameof(record));
        _hasKey = record.Key is not null || record.KeyBytes is not null;
        if (record.Key is { } text)
            Encoding.UTF8.GetBytes(text, _bytes);
        else if (record.KeyBytes is { } bytes)
            _bytes.Write(bytes.Span);
        _keyLengthBytes = _bytes.WrittenCount;
        EncodeHeaders(record.Headers, traceParent);
        _hasValue = !record.IsTombstone && record.Value is not null;
        if (_hasValue && serializer is IPlainBytes<T> plain)
        {
            _value = plain.BytesOf(record.Value!);
        }
        else if (_hasValue)
        {
            serializer.Serialize(record.Value!, _bytes);
            _value = _bytes.WrittenMemory[_keyLengthBytes..];
        }

        LengthBytes = RecordBatchWriter.EncodedRecordLengthBytes(
            _keyLengthBytes, _value.Length, _hasHeaders ? _headers.EncodedHeaders.Length : 0);
    }

    /// <inheritdoc/>
    public void Dispose() => _headers.Dispose();

    private void EncodeHeaders(IReadOnlyList<StreamHeader>? headers, string? traceParent)
    {
        _hasHeaders = headers is { Count: > 0 } || traceParent is not null;
        if (!_hasHeaders)
            return;
        if (headers?.Count > ProducerLimits.HeadersMax)
            throw new ArgumentException($"A record has {headers.Count} headers; at most {ProducerLimits.HeadersMax} are taken.", nameof(headers));
        _headers.Reset();
        for (var i = 0; i < headers?.Count; i++)
        {
            var header = headers[i];
            _headers.Append(header.Key, header.Value is { } value ? value.Span : default, header.Value is not null);
        }

        if (traceParent is not null)
            _headers.Append(ClientTelemetry.TraceParentHeader, Encoding.ASCII.GetBytes(traceParent));
    }

    /// <summary>Scratches that are not in use. One is at hand: most producers need no more.</summary>
    internal sealed class Pool
    {
        private readonly ConcurrentQueue<RecordScratch> _others = new();
        private RecordScratch? _atHand;

        /// <summary>Gives one.</summary>
        public RecordScratch Rent() =>
            Interlocked.Exchange(ref _atHand, null) ?? (_others.TryDequeue(out var scratch) ? scratch : new RecordScratch());

        /// <summary>Takes one back.</summary>
        /// <param name="scratch">It is not used any more.</param>
        public void Return(RecordScratch scratch)
        {
            // The caller's memory is not held any longer.
            scratch._value = default;
            if (scratch._bytes.Capacity > KeptBytesMax)
                scratch.Dispose();
            else if (Interlocked.CompareExchange(ref _atHand, scratch, null) is null)
                return;
            else if (_others.Count < ProducerLimits.KeptBuffersMax)
                _others.Enqueue(scratch);
            else
                scratch.Dispose();
        }
    }
}
