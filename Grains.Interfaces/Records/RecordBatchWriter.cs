using System.Buffers;
using System.Diagnostics;

namespace OrleansStream.Records;

/// <summary>
/// Encodes records directly into one batch in a pooled buffer, without an object for each record. It can be reused after <see cref="Reset"/>. It is
/// not for two threads at once.
/// </summary>
/// <remarks>
/// Call <see cref="Reset"/>, then <see cref="Append(long, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte})"/> for each record,
/// then <see cref="Finish"/>, and take the batch. The batch is as long as <see cref="LengthBytes"/> said before <see cref="Finish"/>, or shorter if
/// compression helped. <see cref="StartNext"/> writes another batch behind it, in the same memory.
/// </remarks>
public sealed class RecordBatchWriter : IDisposable
{
    private readonly PooledBuffer _plain;
    private PooledBuffer? _compressed;
    private PooledBuffer? _finished;
    private RecordBatchOptions _options;
    private int _start; // the start of the current batch, behind the finished ones
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

    /// <summary>The exact length in bytes, header included, of the batch so far, if it is not compressed.</summary>
    public int LengthBytes => _plain.Length - _start;

    /// <summary>The size in bytes of the memory that the writer has: what is written, plain and compressed, and the room for more.</summary>
    public int MemoryBytes => _plain.CapacityBytes + (_compressed?.CapacityBytes ?? 0);

    /// <summary>The length in bytes of the earlier batches in the same memory.</summary>
    public int EarlierLengthBytes => _start;

    /// <summary>The greatest timestamp so far, in milliseconds since 1970-01-01 UTC; -1 when there is no record.</summary>
    public long MaxTimestamp => Count == 0 ? RecordBatchHeader.None : _maxTimestamp;

    /// <summary>Drops what was written and starts a batch.</summary>
    /// <param name="options">The fields of its header.</param>
    public void Reset(in RecordBatchOptions options)
    {
        _options = options;
        _finished = null;
        _compressed?.Clear();
        _plain.Clear();
        Start();
    }

    /// <summary>Finishes the batch and starts another with the same options behind it.</summary>
    /// <exception cref="InvalidOperationException">
    /// The options ask for compression, and compressed batches are not written next to each other.
    /// </exception>
    public void StartNext()
    {
        if (_options.Compression != CompressionType.None)
            throw new InvalidOperationException("Compressed batches are taken one at a time.");
        Finish();
        _finished = null;
        Start();
    }

    /// <summary>
    /// Makes room at once, when it is known roughly how much is to come. Otherwise the written bytes are moved as the memory grows.
    /// </summary>
    /// <param name="lengthBytes">The bytes that are to come. More may come nevertheless.</param>
    public void Reserve(int lengthBytes) => _plain.Reserve(lengthBytes);

    /// <summary>
    /// The most bytes that a record adds to a batch, at any place in it. It decides whether a batch is full.
    /// </summary>
    /// <param name="keyLengthBytes">The key's length, 0 for none.</param>
    /// <param name="valueLengthBytes">The value's length, 0 for none.</param>
    /// <param name="encodedHeadersLengthBytes">The length of the headers as encoded, 0 for none.</param>
    public static int EncodedRecordLengthBytes(int keyLengthBytes, int valueLengthBytes, int encodedHeadersLengthBytes = 0)
    {
        // Only the deltas depend on the record's place in the batch; all other lengths are exact.
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
    /// Headers with their count before them, from <see cref="RecordHeadersWriter"/> or <see cref="RecordView.EncodedHeaders"/>. They are not checked.
    /// Empty for no headers.
    /// </param>
    /// <exception cref="InvalidOperationException">
    /// The batch is finished, or would pass <see cref="RecordLimits.BatchBytesMax"/> (with compression:
    /// <see cref="RecordLimits.DecompressedBatchBytesMax"/>). The batch is then unchanged.
    /// </exception>
    /// <exception cref="OverflowException">The difference to the batch's first timestamp does not fit into 64 bits.</exception>
    public void Append(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, ReadOnlySpan<byte> value, bool hasValue,
        ReadOnlySpan<byte> encodedHeaders = default)
    {
        var reserved = AppendReserving(timestampMs, key, hasKey, hasValue ? value.Length : -1, encodedHeaders);
        if (hasValue)
            value.CopyTo(reserved);
    }

    /// <summary>Adds a record whose value is in pieces.</summary>
    /// <inheritdoc cref="Append(long, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte}, bool, ReadOnlySpan{byte})"/>
    public void Append(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, in ReadOnlySequence<byte> value,
        ReadOnlySpan<byte> encodedHeaders = default) =>
        value.CopyTo(AppendReserving(timestampMs, key, hasKey, checked((int)value.Length), encodedHeaders));

    /// <summary>Adds a record and returns the place of its value, which the caller then writes.</summary>
    /// <param name="timestampMs">Its time in milliseconds since 1970-01-01 UTC; the first record's is the batch's base.</param>
    /// <param name="key">The key; ignored when there is none.</param>
    /// <param name="hasKey">False for a null key.</param>
    /// <param name="valueLengthBytes">The value's exact length, or -1 for a null value.</param>
    /// <param name="encodedHeaders">As in the other overloads.</param>
    /// <returns>The place of the value. All of it must be written before the next call to this writer.</returns>
    /// <exception cref="InvalidOperationException">The batch is finished or full. It is then unchanged.</exception>
    /// <exception cref="OverflowException">The difference to the batch's first timestamp does not fit into 64 bits.</exception>
    public Span<byte> AppendReserving(
        long timestampMs, ReadOnlySpan<byte> key, bool hasKey, int valueLengthBytes, ReadOnlySpan<byte> encodedHeaders = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(valueLengthBytes, -1);
        if (_finished is not null)
            throw new InvalidOperationException("The batch is finished. Call Reset to start the next one.");

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

    /// <summary>Compresses the records if the options ask for it, and writes the header. Repeating it changes nothing.</summary>
    /// <exception cref="InvalidOperationException">
    /// The batch passes <see cref="RecordLimits.BatchBytesMax"/>, even compressed. The writer can be reset.
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

    /// <summary>Compresses the records of a batch again, as one gzip member or one frame. Only length and checksum change besides.</summary>
    /// <param name="batch">Exactly one whole batch, compressed.</param>
    /// <returns>A batch of the same records.</returns>
    /// <exception cref="RecordFormatException">They cannot be decompressed, or take more than <see cref="RecordLimits.BatchBytesMax"/>.</exception>
    public static byte[] Recompress(ReadOnlySpan<byte> batch)
    {
        RecordBatchHeader.TryRead(batch, out var header);
        using var records = BatchCompression.Decompress(header.Compression, batch[RecordBatchHeader.HeaderLengthBytes..]);
        using var compressed = new PooledBuffer(
            RecordLimits.BatchBytesMax,
            max => new RecordFormatException(RecordFormatError.BadLength, $"The batch's records, compressed again, take more than {max} bytes."));
        batch[..RecordBatchHeader.HeaderLengthBytes].CopyTo(compressed.Take(RecordBatchHeader.HeaderLengthBytes));
        BatchCompression.Compress(header.Compression, level: null, records.WrittenSpan, compressed);
        RecordBatchHeader.StampLength(compressed.Written);
        return compressed.WrittenSpan.ToArray();
    }

    /// <summary>The finished batch, in this writer's own memory. It is valid until <see cref="Reset"/> or <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidOperationException">The batch is not finished.</exception>
    public ReadOnlyMemory<byte> WrittenBatch() => FinishedMemory;

    /// <summary>
    /// The finished batch and those before it, back to back in this writer's own memory, so that the writer's owner can stamp them. They are valid
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
        // Random bytes do not compress, and the batch must not become longer than LengthBytes said.
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
