using System.Buffers;

namespace OrleansStream.Records;

/// <summary>
/// Chosen records of other, uncompressed batches that form one new batch. The new batch is written only at its final place, so payloads are copied
/// once, and no object is made for a record.
/// </summary>
/// <remarks>
/// The bytes are those that a <see cref="RecordBatchWriter"/> with the same options writes for the same records. The batches from which the records
/// come must not change until the last <see cref="WriteTo"/>. Not for two threads at once; once all records are added, any number of threads may
/// write it.
/// </remarks>
public sealed class RecordSelection : IDisposable
{
    private const int CapacityInitial = 16;

    private readonly ReadOnlyMemory<byte> _source;
    private readonly RecordBatchOptions _options;
    private SelectedRecord[] _records = [];
    private long _maxTimestamp = RecordBatchHeader.None;

    /// <summary>Starts without records.</summary>
    /// <param name="options">The fields of the batch's header. It is not compressed.</param>
    /// <param name="source">The bytes in which the records lie.</param>
    /// <exception cref="ArgumentException">The options ask for compression.</exception>
    public RecordSelection(in RecordBatchOptions options, ReadOnlyMemory<byte> source)
    {
        if (options.Compression != CompressionType.None)
            throw new ArgumentException("A selection cannot be compressed. Use a RecordBatchWriter.", nameof(options));
        _options = options;
        _source = source;
    }

    /// <summary>The count of records.</summary>
    public int Count { get; private set; }

    /// <summary>The exact length in bytes of the batch so far, header included.</summary>
    public int LengthBytes { get; private set; } = RecordBatchHeader.HeaderLengthBytes;

    /// <summary>The batch's header. Its checksum is 0 until the batch is written.</summary>
    public RecordBatchHeader Header
    {
        get
        {
            Span<byte> bytes = stackalloc byte[RecordBatchHeader.HeaderLengthBytes];
            WriteHeader(bytes);
            RecordBatchHeader.TryRead(bytes, out var header);
            return header;
        }
    }

    /// <summary>Adds a record.</summary>
    /// <param name="position">The position in the source at which the record begins, with its length field.</param>
    /// <param name="timestampMs">Its time in milliseconds since 1970-01-01 UTC; the first record's is the batch's base.</param>
    /// <exception cref="RecordFormatException">There is no record at the position.</exception>
    /// <exception cref="InvalidOperationException">
    /// The batch would pass <see cref="RecordLimits.BatchBytesMax"/>. It is then unchanged.
    /// </exception>
    /// <exception cref="OverflowException">The difference to the batch's first timestamp does not fit into 64 bits.</exception>
    public void Add(int position, long timestampMs)
    {
        var fields = ReadFields(position);
        var timestampDelta = Count == 0 ? 0 : checked(timestampMs - _records[0].TimestampMs);
        var bodyLengthBytes = BodyLengthBytes(timestampDelta, Count, fields.Length);
        var lengthBytes = Varint.LengthBytes(bodyLengthBytes) + bodyLengthBytes;
        if (lengthBytes > RecordLimits.BatchBytesMax - LengthBytes)
            throw RecordBatchWriter.Overflow(RecordLimits.BatchBytesMax);
        if (Count == _records.Length)
            Grow();
        _maxTimestamp = Count == 0 ? timestampMs : Math.Max(_maxTimestamp, timestampMs);
        _records[Count++] = new SelectedRecord(position, timestampMs);
        LengthBytes += lengthBytes;
    }

    /// <summary>Writes the batch, with its checksum.</summary>
    /// <param name="destination">At least <see cref="LengthBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public void WriteTo(Span<byte> destination)
    {
        if (destination.Length < LengthBytes)
            throw new ArgumentException($"{destination.Length} bytes cannot hold a batch of {LengthBytes} bytes.", nameof(destination));
        var batch = destination[..LengthBytes];
        var written = RecordBatchHeader.HeaderLengthBytes;
        for (var i = 0; i < Count; i++)
        {
            var fields = ReadFields(_records[i].Position);
            var timestampDelta = _records[i].TimestampMs - _records[0].TimestampMs;
            written += Varint.Write(batch[written..], BodyLengthBytes(timestampDelta, i, fields.Length));
            batch[written++] = 0;
            written += Varint.Write(batch[written..], timestampDelta);
            written += Varint.Write(batch[written..], i);
            fields.CopyTo(batch[written..]);
            written += fields.Length;
        }

        WriteHeader(batch);
        RecordBatchHeader.StampCrc(batch);
    }

    /// <summary>Gives the pooled memory back. The selection must not be used after that.</summary>
    public void Dispose()
    {
        if (_records.Length > 0)
            ArrayPool<SelectedRecord>.Shared.Return(_records);
        _records = [];
        Count = 0;
    }

    /// <summary>The fields of a record that are the same in every batch: key, value and headers.</summary>
    private ReadOnlySpan<byte> ReadFields(int position)
    {
        var record = new RecordFieldReader(_source.Span[position..]).ReadRecord();
        var fields = new RecordFieldReader(record);
        fields.ReadByte();
        fields.ReadVarlong();
        fields.ReadVarint();
        return record[fields.Position..];
    }

    private void WriteHeader(Span<byte> batch) => RecordBatchHeader.Write(
        batch, LengthBytes, _options, CompressionType.None, Count, Count == 0 ? RecordBatchHeader.None : _records[0].TimestampMs, _maxTimestamp);

    private static int BodyLengthBytes(long timestampDelta, int offsetDelta, int fieldsLengthBytes) =>
        checked(1 + Varint.LengthBytes(timestampDelta) + Varint.LengthBytes(offsetDelta) + fieldsLengthBytes);

    private void Grow()
    {
        var larger = ArrayPool<SelectedRecord>.Shared.Rent(Math.Max(CapacityInitial, 2 * _records.Length));
        _records.AsSpan(0, Count).CopyTo(larger);
        if (_records.Length > 0)
            ArrayPool<SelectedRecord>.Shared.Return(_records);
        _records = larger;
    }

    private readonly record struct SelectedRecord(int Position, long TimestampMs);
}
