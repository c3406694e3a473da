namespace OrleansStream.Records;

/// <summary>What a deep check found in a batch's records.</summary>
/// <param name="RecordCount">How many there are.</param>
/// <param name="MinTimestampMs">The least record timestamp, in milliseconds since 1970-01-01 UTC; -1 when there is no record.</param>
/// <param name="MaxTimestampMs">The greatest one; the header's may differ, see <see cref="RecordBatchHeader.StampMaxTimestamp"/>.</param>
public readonly record struct RecordBatchSummary(int RecordCount, long MinTimestampMs, long MaxTimestampMs);

/// <summary>
/// Reads the records of one batch where they lie. It trusts no length and no count: malformed content is a
/// <see cref="RecordFormatException"/>, and memory stays within <see cref="RecordLimits.DecompressedBatchBytesMax"/>.
/// </summary>
/// <remarks>
/// The checksum is not looked at (see <see cref="RecordBatchScanner"/>). Compressed records unfold into a pooled buffer, which
/// <see cref="Dispose"/> gives back: no <see cref="RecordView"/> may be used after it.
/// </remarks>
public ref struct RecordBatchReader
{
    private readonly RecordBatchHeader _header;
    private readonly PooledBuffer? _unfolded;
    private RecordFieldReader _records;
    private int _left;
    private int _previousDelta = -1;

    /// <summary>Opens a batch, and unfolds its records when they are compressed.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <exception cref="RecordFormatException">The header is malformed, or the records cannot be unfolded within their bound.</exception>
    public RecordBatchReader(ReadOnlySpan<byte> batch)
    {
        RecordBatchStatus status = RecordBatchScanner.Validate(batch, checkCrc: false, out _header, out int lengthBytes);
        if (status != RecordBatchStatus.Valid)
            throw Refuse(status, batch.Length);
        if (lengthBytes != batch.Length)
        {
            throw new RecordFormatException(
                RecordFormatError.BadLength, $"A batch of {lengthBytes} bytes came as {batch.Length} bytes.");
        }

        ReadOnlySpan<byte> records = batch[RecordBatchHeader.HeaderLengthBytes..];
        // An empty batch (a fence, or one that compaction emptied) is a bare header, whatever its codec.
        if (_header.Compression != CompressionType.None && !records.IsEmpty)
        {
            _unfolded = BatchCompression.Decompress(_header.Compression, records);
            records = _unfolded.WrittenSpan;
        }

        _records = new RecordFieldReader(records);
        _left = _header.RecordCount;
    }

    /// <summary>The batch's header.</summary>
    public readonly RecordBatchHeader Header => _header;

    /// <summary>The bytes that the records unfolded to; null when nothing was unfolded.</summary>
    internal readonly int? UnfoldedBytes => _unfolded?.Length;

    /// <summary>Where in an uncompressed batch the record that was read last begins: with its length.</summary>
    public int RecordPosition { get; private set; }

    /// <summary>The record that <see cref="MoveNext"/> went to.</summary>
    public RecordView Current { get; private set; }

    /// <summary>Goes to the next record.</summary>
    /// <returns>False after the last, when it is certain that nothing follows it.</returns>
    /// <exception cref="RecordFormatException">The record is malformed, or bytes follow the last.</exception>
    public bool MoveNext()
    {
        bool read = TryReadNext(out RecordView record);
        Current = record;
        return read;
    }

    /// <summary>Reads the next record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>False after the last, when it is certain that nothing follows it.</returns>
    /// <exception cref="RecordFormatException">The record is malformed, or bytes follow the last.</exception>
    public bool TryReadNext(out RecordView record)
    {
        if (_left == 0)
        {
            if (_records.LeftBytes != 0)
            {
                throw new RecordFormatException(
                    RecordFormatError.BadRecordCount,
                    $"{_records.LeftBytes} bytes follow the last of {_header.RecordCount} records.");
            }

            record = default;
            return false;
        }

        if (_records.LeftBytes == 0)
        {
            throw new RecordFormatException(
                RecordFormatError.BadRecordCount, $"{_left} of {_header.RecordCount} records are missing.");
        }

        _left--;
        RecordPosition = RecordBatchHeader.HeaderLengthBytes + _records.Position;
        record = Read(_records.ReadRecord());
        return true;
    }

    /// <summary>Gives the pooled buffer back. Every record read becomes invalid.</summary>
    public readonly void Dispose() => _unfolded?.Dispose();

    /// <summary>
    /// Checks all records of a batch that a producer sent: each is well-formed, and their offsets are dense, as only
    /// compaction may leave gaps.
    /// </summary>
    /// <param name="batch">Exactly one whole batch. Its checksum is not looked at.</param>
    /// <returns>What the records hold.</returns>
    /// <exception cref="RecordFormatException">The batch is malformed, has no record, or has gaps between its offsets.</exception>
    public static RecordBatchSummary ValidateRecords(ReadOnlySpan<byte> batch)
    {
        using var reader = new RecordBatchReader(batch);
        RecordBatchHeader header = reader.Header;
        if (header.RecordCount == 0)
            throw new RecordFormatException(RecordFormatError.BadRecordCount, "The batch has no record.");
        if (header.LastOffsetDelta != header.RecordCount - 1)
        {
            throw new RecordFormatException(
                RecordFormatError.BadOffsetDelta,
                $"The last of {header.RecordCount} records is at offset delta {header.LastOffsetDelta}.");
        }

        long min = long.MaxValue;
        long max = long.MinValue;
        // Increasing, within 0..count-1 and count of them: the reader's own checks make the offsets dense.
        while (reader.TryReadNext(out RecordView record))
        {
            min = Math.Min(min, record.TimestampMs);
            max = Math.Max(max, record.TimestampMs);
        }

        return new RecordBatchSummary(header.RecordCount, min, max);
    }

    private RecordView Read(ReadOnlySpan<byte> bytes)
    {
        var fields = new RecordFieldReader(bytes);
        sbyte attributes = fields.ReadByte();
        long timestampDelta = fields.ReadVarlong();
        int offsetDelta = fields.ReadVarint();
        RecordField key = fields.ReadNullable();
        RecordField value = fields.ReadNullable();
        int headersPosition = fields.Position;
        int headerCount = fields.SkipHeaders();
        if (fields.LeftBytes != 0)
        {
            throw new RecordFormatException(
                RecordFormatError.BadRecordLength, $"{fields.LeftBytes} bytes follow the fields of a record of {bytes.Length} bytes.");
        }

        if (offsetDelta <= _previousDelta || offsetDelta > _header.LastOffsetDelta)
        {
            throw new RecordFormatException(
                RecordFormatError.BadOffsetDelta,
                $"Offset delta {offsetDelta} comes after {_previousDelta}, in a batch whose last is {_header.LastOffsetDelta}.");
        }

        _previousDelta = offsetDelta;
        return new RecordView(
            attributes, offsetDelta, _header.BaseOffset + offsetDelta, TimestampMs(timestampDelta), key, value,
            headerCount, bytes[headersPosition..]);
    }

    private readonly long TimestampMs(long delta)
    {
        if (_header.TimestampType == TimestampType.LogAppendTime)
            return _header.MaxTimestamp;
        long timestamp = unchecked(_header.BaseTimestamp + delta);
        if ((timestamp < _header.BaseTimestamp) != (delta < 0))
        {
            throw new RecordFormatException(
                RecordFormatError.BadTimestamp, $"Timestamp {_header.BaseTimestamp} with delta {delta} is out of range.");
        }

        return timestamp;
    }

    private static RecordFormatException Refuse(RecordBatchStatus status, int lengthBytes)
    {
        RecordFormatError error = status switch
        {
            RecordBatchStatus.BadLength => RecordFormatError.BadLength,
            RecordBatchStatus.BadMagic => RecordFormatError.BadMagic,
            RecordBatchStatus.BadCompression => RecordFormatError.UnknownCompression,
            RecordBatchStatus.BadCount => RecordFormatError.BadRecordCount,
            RecordBatchStatus.BadHeader => RecordFormatError.BadBatchHeader,
            _ => RecordFormatError.Truncated,
        };
        return new RecordFormatException(error, $"{lengthBytes} bytes are not one whole batch: {status}.");
    }
}
