using System.Buffers;
using System.Diagnostics;

namespace OrleansStream.Records;

/// <summary>
/// Encodes records straight into one batch in a pooled buffer; no object a record. Reusable after <see cref="Reset"/>; not for
/// two threads at once.
/// </summary>
/// <remarks>
/// <see cref="Reset"/>, <see cref="Append(long, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte})"/> for
/// each record, <see cref="Finish"/>, then take the batch. A batch is as long as <see cref="LengthBytes"/> said before
/// <see cref="Finish"/>, or shorter when compression helped. <see cref="StartNext"/> writes another behind it, in the same memory.
/// </remarks>
public sealed class RecordBatchWriter : IDisposable
{
    private readonly PooledBuffer _plain;
    private PooledBuffer? _compressed;
    private PooledBuffer? _finished;
    private RecordBatchOptions _options;
    private int _start; // of the batch being written, behind those that were finished before it
    private long _baseTimestamp;
    private long _maxTimestamp;

    /// <summary>Starts an empty batch with the default options.</summary>
    public RecordBatchWriter()
    {
        _plain = new PooledBuffer(RecordLimits.DecompressedBatchBytesMax, Overflow);
        Reset(new RecordBatchOptions());
    }

    /// <summary>The count of records so far.</summary>
    public int Count { get; private set; }

    /// <summary>The exact length in bytes, header included, that the batch has so far when it is not compressed.</summary>
    public int LengthBytes => _plain.Length - _start;

    /// <summary>The length in bytes of the batches before this one that are in the same memory.</summary>
    public int EarlierLengthBytes => _start;

    /// <summary>The greatest timestamp so far, in milliseconds since 1970-01-01 UTC; -1 when there is no record.</summary>
    public long MaxTimestamp => Count == 0 ? RecordBatchHeader.None : _maxTimestamp;

    /// <summary>Drops what was written and starts a batch.</summary>
    /// <param name="options">What its header says.</param>
    public void Reset(in RecordBatchOptions options)
    {
        _options = options;
        _finished = null;
        _compressed?.Clear();
        _plain.Clear();
        Start();
    }

    /// <summary>Finishes the batch and starts another with the same options behind it.</summary>
    /// <exception cref="InvalidOperationException">Batches of this writer are compressed, and so are not next to each other.</exception>
    public void StartNext()
    {
        if (_options.Compression != CompressionType.None)
            throw new InvalidOperationException("Compressed batches are taken one at a time.");
        Finish();
        _finished = null;
        Start();
    }

    /// <summary>Makes room at once, where it is known about how much is to come; otherwise what was written moves as the memory grows.</summary>
    /// <param name="lengthBytes">The bytes to come; more are taken all the same.</param>
    public void Reserve(int lengthBytes) => _plain.Reserve(lengthBytes);

    /// <summary>
    /// The most bytes that a record adds to a batch, wherever in it the record comes: what decides whether a batch is full.
    /// </summary>
    /// <param name="keyLengthBytes">The key's length, 0 for none.</param>
    /// <param name="valueLengthBytes">The value's length, 0 for none.</param>
    /// <param name="encodedHeadersLengthBytes">The length of the headers as encoded, 0 for none.</param>
    public static int EncodedRecordLengthBytes(int keyLengthBytes, int valueLengthBytes, int encodedHeadersLengthBytes = 0)
    {
        // Only the deltas depend on the record's place; all else is exact.
        var body = checked(1 + RecordLimits.VarlongBytesMax + RecordLimits.VarintBytesMax
            + Varint.LengthBytes(keyLengthBytes) + keyLengthBytes
            + Varint.LengthBytes(valueLengthBytes) + valueLengthBytes
            + Math.Max(1, encodedHeadersLengthBytes));
        return checked(Varint.LengthBytes(body) + body);
    }

    /// <summary>Adds a record.</summary>
    /// <param name="timestampMs">Its time in milliseconds since 1970-01-01 UTC; the first record's is the batch's base.</param>
    /// <param name="key">The key; ignored when there is none.</param>
    /// <param name="hasKey">False for a null key.</param>
    /// <param name="value">The value; ignored when there is none.</param>
    /// <param name="hasValue">False for a null value.</param>
    /// <param name="encodedHeaders">
    /// Headers with their count before them, from <see cref="RecordHeadersWriter"/> or <see cref="RecordView.EncodedHeaders"/>;
    /// they are taken as they are. Empty: no headers.
    /// </param>
    /// <exception cref="InvalidOperationException">
    /// The batch is finished, or would pass <see cref="RecordLimits.BatchBytesMax"/> (when it is to be compressed:
    /// <see cref="RecordLimits.DecompressedBatchBytesMax"/>); it is as it was before.
    /// </exception>
    /// <exception cref="OverflowException">The timestamp is further from the batch's first than 64 bits can say.</exception>
    public void Append(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue,
        ReadOnlySpan<byte> encodedHeaders = default)
    {
        var reserved = AppendReserving(timestampMs, key, hasKey, hasValue ? value.Length : -1, encodedHeaders);
        if (hasValue)
            value.CopyTo(reserved);
    }

    /// <summary>Adds a record whose value lies in pieces.</summary>
    /// <inheritdoc cref="Append(long, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte})"/>
    public void Append(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, in ReadOnlySequence<byte> value,
        ReadOnlySpan<byte> encodedHeaders = default) =>
        value.CopyTo(AppendReserving(timestampMs, key, hasKey, checked((int)value.Length), encodedHeaders));

    /// <summary>Adds a record whose value the caller then decodes into place.</summary>
    /// <param name="timestampMs">Its time in milliseconds since 1970-01-01 UTC; the first record's is the batch's base.</param>
    /// <param name="key">The key; ignored when there is none.</param>
    /// <param name="hasKey">False for a null key.</param>
    /// <param name="valueLengthBytes">The value's exact length, or -1 for a null value.</param>
    /// <param name="encodedHeaders">As in the other overloads.</param>
    /// <returns>Where the value goes: all of it must be written before the next call to this writer.</returns>
    /// <exception cref="InvalidOperationException">The batch is finished or full; it is as it was before.</exception>
    /// <exception cref="OverflowException">The timestamp is further from the batch's first than 64 bits can say.</exception>
    public Span<byte> AppendReserving(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, int valueLengthBytes, ReadOnlySpan<byte> encodedHeaders = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(valueLengthBytes, -1);
        if (_finished is not null)
            throw new InvalidOperationException("The batch is finished: Reset starts the next.");

        var keyLengthBytes = hasKey ? key.Length : -1;
        var timestampDelta = Count == 0 ? 0 : checked(timestampMs - _baseTimestamp);
        var body = 1L + Varint.LengthBytes(timestampDelta) + Varint.LengthBytes(Count)
            + Varint.LengthBytes(keyLengthBytes) + Math.Max(0, keyLengthBytes)
            + Varint.LengthBytes(valueLengthBytes) + (long)Math.Max(0, valueLengthBytes)
            + Math.Max(1, encodedHeaders.Length);
        var bytesMax = _options.Compression == CompressionType.None
            ? RecordLimits.BatchBytesMax
            : RecordLimits.DecompressedBatchBytesMax;
        if (body > bytesMax || LengthBytes + Varint.LengthBytes((int)body) + body > bytesMax)
            throw Overflow(bytesMax);

        var record = _plain.Take(Varint.LengthBytes((int)body) + (int)body);
        var position = Varint.Write(record, (int)body);
        record[position++] = 0;
        position += Varint.Write(record[position..], timestampDelta);
        position += Varint.Write(record[position..], Count);
        position += Varint.Write(record[position..], keyLengthBytes);
        if (hasKey)
        {
            key.CopyTo(record[position..]);
            position += key.Length;
        }

        position += Varint.Write(record[position..], valueLengthBytes);
        var value = record.Slice(position, Math.Max(0, valueLengthBytes));
        position += value.Length;
        if (encodedHeaders.IsEmpty)
            record[position++] = 0;
        else
            encodedHeaders.CopyTo(record[position..]);
        Debug.Assert(position + encodedHeaders.Length == record.Length, "The record is as long as it says.");

        if (Count == 0)
            _baseTimestamp = _maxTimestamp = timestampMs;
        _maxTimestamp = Math.Max(_maxTimestamp, timestampMs);
        Count++;
        return value;
    }

    /// <summary>Compresses the records if they are to be, and fills in the header. Repeating it changes nothing.</summary>
    /// <exception cref="InvalidOperationException">
    /// The batch passes <see cref="RecordLimits.BatchBytesMax"/> and compression does not bring it below; it can be reset.
    /// </exception>
    public void Finish()
    {
        if (_finished is not null)
            return;

        var codec = Count == 0 ? CompressionType.None : _options.Compression;
        var batch = codec == CompressionType.None ? _plain : Compress(ref codec);
        if (batch.Length - _start > RecordLimits.BatchBytesMax)
            throw Overflow(RecordLimits.BatchBytesMax);
        WriteHeader(batch.Written[_start..], codec);
        _finished = batch;
    }

    /// <summary>Compresses the records of a batch anew, as one gzip member or one frame; all else stays but length and checksum.</summary>
    /// <param name="batch">Exactly one whole batch, compressed.</param>
    /// <returns>A batch of the same records.</returns>
    /// <exception cref="RecordFormatException">They cannot be unfolded, or take more than <see cref="RecordLimits.BatchBytesMax"/>.</exception>
    public static byte[] Recompress(ReadOnlySpan<byte> batch)
    {
        RecordBatchHeader.TryRead(batch, out var header);
        using var records = BatchCompression.Decompress(header.Compression, batch[RecordBatchHeader.HeaderLengthBytes..]);
        using var compressed = new PooledBuffer(
            RecordLimits.BatchBytesMax,
            max => new RecordFormatException(RecordFormatError.BadLength, $"The batch's records, compressed anew, take more than {max} bytes."));
        batch[..RecordBatchHeader.HeaderLengthBytes].CopyTo(compressed.Take(RecordBatchHeader.HeaderLengthBytes));
        BatchCompression.Compress(header.Compression, level: null, records.WrittenSpan, compressed);
        RecordBatchHeader.StampLength(compressed.Written);
        return compressed.WrittenSpan.ToArray();
    }

    /// <summary>The finished batch in this writer's own memory: valid until <see cref="Reset"/> or <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidOperationException">The batch is not finished.</exception>
    public ReadOnlyMemory<byte> WrittenBatch() => FinishedMemory;

    /// <summary>
    /// The finished batch and those before it, back to back in this writer's own memory, for the writer's owner to stamp: valid
    /// until <see cref="Reset"/> or <see cref="Dispose"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The last batch is not finished.</exception>
    public Memory<byte> WrittenBatches() => Finished.WrittenMemory;

    /// <summary>A copy of the finished batch.</summary>
    /// <exception cref="InvalidOperationException">The batch is not finished.</exception>
    public byte[] ToArray() => FinishedMemory.ToArray();

    /// <summary>Copies the finished batch.</summary>
    /// <param name="destination">At least as long as <see cref="WrittenBatch"/>.</param>
    /// <returns>The count of bytes copied.</returns>
    /// <exception cref="InvalidOperationException">The batch is not finished.</exception>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public int CopyTo(Span<byte> destination)
    {
        FinishedMemory.Span.CopyTo(destination);
        return FinishedMemory.Length;
    }

    /// <summary>Gives the memory back. The writer may be used again after <see cref="Reset"/>.</summary>
    public void Dispose()
    {
        _finished = null;
        _start = 0;
        _compressed?.Dispose();
        _plain.Dispose();
    }

    internal static InvalidOperationException Overflow(int bytesMax) => new($"A batch takes at most {bytesMax} bytes.");

    private PooledBuffer Finished =>
        _finished ?? throw new InvalidOperationException("The batch is not finished: call Finish first.");

    private ReadOnlyMemory<byte> FinishedMemory => Finished.WrittenMemory[_start..];

    private void Start()
    {
        _start = _plain.Length;
        _plain.Take(RecordBatchHeader.HeaderLengthBytes);
        Count = 0;
    }

    private PooledBuffer Compress(ref CompressionType codec)
    {
        _compressed ??= new PooledBuffer(2 * RecordLimits.DecompressedBatchBytesMax, Overflow);
        _compressed.Clear();
        _compressed.Take(RecordBatchHeader.HeaderLengthBytes);
        BatchCompression.Compress(
            codec, _options.CompressionLevel, _plain.WrittenSpan[RecordBatchHeader.HeaderLengthBytes..], _compressed);
        // Noise does not compress; the batch must not outgrow what its caller was told.
        if (_compressed.Length < _plain.Length)
            return _compressed;
        codec = CompressionType.None;
        return _plain;
    }

    private void WriteHeader(Span<byte> batch, CompressionType codec)
    {
        RecordBatchHeader.Write(
            batch, batch.Length, _options, codec, Count, Count == 0 ? RecordBatchHeader.None : _baseTimestamp, MaxTimestamp);
        RecordBatchHeader.StampCrc(batch);
    }
}
