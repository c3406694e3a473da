namespace OrleansStream.Records;

/// <summary>The result of checking all records of a batch.</summary>
/// <param name="RecordCount">The count of records.</param>
/// <param name="MinTimestampMs">The least record timestamp, in milliseconds since 1970-01-01 UTC; -1 when there is no record.</param>
/// <param name="MaxTimestampMs">
/// The greatest record timestamp. The header's may differ, see <see cref="RecordBatchHeader.StampMaxTimestamp"/>.
/// </param>
/// <param name="HasSeveralGzipMembers">
/// True when the records are compressed in several gzip members, of which many readers take only the first.
/// </param>
/// <param name="UnfoldedBytes">The length of the records in bytes once they are decompressed; 0 when they are not compressed.</param>
public readonly record struct RecordBatchSummary(
    int RecordCount, long MinTimestampMs, long MaxTimestampMs, bool HasSeveralGzipMembers = false, int UnfoldedBytes = 0);

/// <summary>The place at which a reader of a batch has stopped.</summary>
/// <param name="Unfolded">The decompressed records; null when the batch is not compressed.</param>
/// <param name="Position">The position behind the last record that was read, counted from the first record.</param>
/// <param name="Left">The count of records that are not read yet.</param>
/// <param name="PreviousDelta">The offset delta of the last record that was read.</param>
internal readonly record struct RecordPlace(PooledBuffer? Unfolded, int Position, int Left, int PreviousDelta);

/// <summary>
/// Reads the records of one batch where they lie. It trusts no length and no count: malformed content throws a <see cref="RecordFormatException"/>,
/// and memory stays within <see cref="RecordLimits.DecompressedBatchBytesMax"/>.
/// </summary>
/// <remarks>
/// It does not check the checksum (see <see cref="RecordBatchScanner"/>). Compressed records are decompressed into a pooled buffer.
/// <see cref="Dispose"/> gives the buffer back, and no <see cref="RecordView"/> may be used after it.
/// </remarks>
public ref struct RecordBatchReader
{
    private readonly RecordBatchHeader _header;
    private readonly PooledBuffer? _unfolded;
    private readonly bool _isSent;
    private readonly int _gzipMembers;
    private RecordFieldReader _records;
    private int _left;
    private int _previousDelta = -1;

    /// <summary>Opens a batch, and decompresses its records if they are compressed.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <exception cref="RecordFormatException">The header is malformed, or the records cannot be decompressed within their bound.</exception>
    public RecordBatchReader(ReadOnlySpan<byte> batch)
        : this(batch, isSent: false)
    {
    }

    private RecordBatchReader(ReadOnlySpan<byte> batch, bool isSent)
    {
        _isSent = isSent;
        var status = RecordBatchScanner.Validate(batch, checkCrc: false, out _header, out var lengthBytes);
        if (status != RecordBatchStatus.Valid)
            throw Refuse(status, batch.Length);
        if (lengthBytes != batch.Length)
        {
            throw new RecordFormatException(
                RecordFormatError.BadLength, $"The header says that the batch has {lengthBytes} bytes, but there are {batch.Length}.");
        }

        var records = batch[RecordBatchHeader.HeaderLengthBytes..];
        // A batch without records (a fence, or one that compaction emptied) is a bare header, whatever its codec.
        if (_header.Compression != CompressionType.None && !records.IsEmpty)
        {
            _unfolded = isSent
                ? BatchCompression.DecompressSent(_header.Compression, records, out _gzipMembers)
                : BatchCompression.Decompress(_header.Compression, records);
            records = _unfolded.WrittenSpan;
        }

        _records = new RecordFieldReader(records);
        _left = _header.RecordCount;
    }

    /// <summary>Goes on where another reader of the same batch has stopped.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="header">Its header.</param>
    /// <param name="place">The place where the other reader has stopped.</param>
    internal RecordBatchReader(ReadOnlySpan<byte> batch, scoped in RecordBatchHeader header, scoped in RecordPlace place)
    {
        _header = header;
        _unfolded = place.Unfolded;
        var records = _unfolded is null ? batch[RecordBatchHeader.HeaderLengthBytes..] : _unfolded.WrittenSpan;
        _records = new RecordFieldReader(records, place.Position);
        _left = place.Left;
        _previousDelta = place.PreviousDelta;
    }

    /// <summary>The batch's header.</summary>
    public readonly RecordBatchHeader Header => _header;

    /// <summary>The place of the reader.</summary>
    internal readonly RecordPlace Place => new(_unfolded, _records.Position, _left, _previousDelta);

    /// <summary>The length of the decompressed records in bytes; null when nothing was decompressed.</summary>
    public readonly int? UnfoldedBytes => _unfolded?.Length;

    /// <summary>The position in an uncompressed batch at which the last record that was read begins, with its length field.</summary>
    public int RecordPosition { get; private set; }

    /// <summary>The record that <see cref="MoveNext"/> has read.</summary>
    public RecordView Current { get; private set; }

    /// <summary>Goes to the next record.</summary>
    /// <returns>False after the last record, and only if no byte follows it.</returns>
    /// <exception cref="RecordFormatException">The record is malformed, or bytes follow the last.</exception>
    public bool MoveNext()
    {
        var read = TryReadNext(out var record);
        Current = record;
        return read;
    }

    /// <summary>Reads the next record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>False after the last record, and only if no byte follows it.</returns>
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

    /// <summary>Gives the pooled buffer back. Every record that was read becomes invalid.</summary>
    public readonly void Dispose() => _unfolded?.Dispose();

    /// <summary>
    /// Opens a batch that a producer sent. The rules are stricter than for a stored batch: no record has attributes, offsets have no gaps (only
    /// compaction may leave gaps), and every reader must be able to take all of the compressed bytes.
    /// </summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <exception cref="RecordFormatException">As for a stored batch; or the records are compressed in several frames.</exception>
    public static RecordBatchReader OfSent(ReadOnlySpan<byte> batch) => new(batch, isSent: true);

    /// <summary>Checks all records of a batch that a producer sent, as <see cref="OfSent"/> reads them.</summary>
    /// <param name="batch">Exactly one whole batch. Its checksum is not checked.</param>
    /// <returns>The result of the check.</returns>
    /// <exception cref="RecordFormatException">The batch is malformed, has no record, or has gaps between its offsets.</exception>
    public static RecordBatchSummary ValidateRecords(ReadOnlySpan<byte> batch)
    {
        using var reader = OfSent(batch);
        var header = reader.Header;
        if (header.RecordCount == 0)
            throw new RecordFormatException(RecordFormatError.BadRecordCount, "The batch has no record.");
        if (header.LastOffsetDelta != header.RecordCount - 1)
        {
            throw new RecordFormatException(
                RecordFormatError.BadOffsetDelta,
                $"The last of {header.RecordCount} records is at offset delta {header.LastOffsetDelta}.");
        }

        return reader.TryScan(out var summary)
            ? summary with { HasSeveralGzipMembers = reader._gzipMembers > 1, UnfoldedBytes = reader.UnfoldedBytes ?? 0 }
            : throw reader.FirstFault();
    }

    /// <summary>Checks all records at once. None may have been read before.</summary>
    /// <param name="summary">The result, if the records are right and their offsets have no gaps.</param>
    internal readonly bool TryScan(out RecordBatchSummary summary) => RecordScan.TryScan(_records.Left, _header, out summary);

    private RecordFormatException FirstFault()
    {
        try
        {
            while (TryReadNext(out _))
            {
            }
        }
        catch (RecordFormatException fault)
        {
            return fault;
        }

        throw new InvalidOperationException("The two ways to read a batch disagree on whether it is valid.");
    }

    private RecordView Read(ReadOnlySpan<byte> bytes)
    {
        var fields = new RecordFieldReader(bytes);
        var attributes = fields.ReadByte();
        var timestampDelta = fields.ReadVarlong();
        var offsetDelta = fields.ReadVarint();
        var key = fields.ReadNullable();
        var value = fields.ReadNullable();
        var headersPosition = fields.Position;
        var headerCount = fields.SkipHeaders();
        if (fields.LeftBytes != 0)
        {
            throw new RecordFormatException(
                RecordFormatError.BadRecordLength, $"{fields.LeftBytes} bytes follow the fields of a record of {bytes.Length} bytes.");
        }

        if (offsetDelta <= _previousDelta || offsetDelta > _header.LastOffsetDelta || (_isSent && offsetDelta != _previousDelta + 1))
        {
            throw new RecordFormatException(
                RecordFormatError.BadOffsetDelta,
                $"Offset delta {offsetDelta} follows {_previousDelta} in a batch whose last offset delta is {_header.LastOffsetDelta}.");
        }

        if (_isSent && attributes != 0)
        {
            throw new RecordFormatException(
                RecordFormatError.BadRecordAttributes, $"The record at offset delta {offsetDelta} has attributes {attributes}; they must be 0.");
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
        var timestamp = unchecked(_header.BaseTimestamp + delta);
        if ((timestamp < _header.BaseTimestamp) != (delta < 0))
        {
            throw new RecordFormatException(
                RecordFormatError.BadTimestamp, $"Timestamp {_header.BaseTimestamp} with delta {delta} is out of range.");
        }

        return timestamp;
    }

    private static RecordFormatException Refuse(RecordBatchStatus status, int lengthBytes)
    {
        var error = status switch
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
