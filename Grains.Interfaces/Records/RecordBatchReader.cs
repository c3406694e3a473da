namespace OrleansStream.Records;

/// <summary>What a deep check found in a batch's records.</summary>
/// <param name="RecordCount">How many there are.</param>
/// <param name="MinTimestampMs">The least record timestamp, in milliseconds since 1970-01-01 UTC; -1 when there is no record.</param>
/// <param name="MaxTimestampMs">The greatest one; the header's may differ, see <see cref="RecordBatchHeader.StampMaxTimestamp"/>.</param>
/// <param name="HasSeveralGzipMembers">True when they are compressed in several gzip members, of which many readers take only the first.</param>
public readonly record struct RecordBatchSummary(int RecordCount, long MinTimestampMs, long MaxTimestampMs, bool HasSeveralGzipMembers = false);

/// <summary>Where a reader stands in its batch.</summary>
/// <param name="Unfolded">The unfolded records; null when the batch is not compressed.</param>
/// <param name="Position">The position behind the last record that was read, from the first one on.</param>
/// <param name="Left">The count of records that are not read yet.</param>
/// <param name="PreviousDelta">The offset delta of the last record that was read.</param>
internal readonly record struct RecordPlace(PooledBuffer? Unfolded, int Position, int Left, int PreviousDelta);

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
    private readonly bool _isSent;
    private readonly int _gzipMembers;
    private RecordFieldReader _records;
    private int _left;
    private int _previousDelta = -1;

    /// <summary>Opens a batch, and unfolds its records when they are compressed.</summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <exception cref="RecordFormatException">The header is malformed, or the records cannot be unfolded within their bound.</exception>
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
                RecordFormatError.BadLength, $"A batch of {lengthBytes} bytes came as {batch.Length} bytes.");
        }

        var records = batch[RecordBatchHeader.HeaderLengthBytes..];
        // An empty batch (a fence, or one that compaction emptied) is a bare header, whatever its codec.
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

    /// <summary>Goes on where another reader of the same batch stood.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="header">Its header.</param>
    /// <param name="place">Where the other one stood.</param>
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

    /// <summary>Where the reader stands.</summary>
    internal readonly RecordPlace Place => new(_unfolded, _records.Position, _left, _previousDelta);

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
        var read = TryReadNext(out var record);
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
    /// Opens a batch that a producer sent, which is held to more than one that is stored: no record has attributes, offsets have no gaps, as
    /// only compaction may leave them, and compressed records are unfolded by what every reader takes for the whole.
    /// </summary>
    /// <param name="batch">Exactly one whole batch.</param>
    /// <exception cref="RecordFormatException">As for a stored one; or the records are compressed in several frames.</exception>
    public static RecordBatchReader OfSent(ReadOnlySpan<byte> batch) => new(batch, isSent: true);

    /// <summary>Checks all records of a batch that a producer sent, as <see cref="OfSent"/> reads them.</summary>
    /// <param name="batch">Exactly one whole batch. Its checksum is not looked at.</param>
    /// <returns>What the records hold.</returns>
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
            ? summary with { HasSeveralGzipMembers = reader._gzipMembers > 1 }
            : throw reader.FirstFault();
    }

    /// <summary>Checks all records at once, when none was read before.</summary>
    /// <param name="summary">What they hold, when they are sound and their offsets without gaps.</param>
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

        throw new InvalidOperationException("The two ways to read a batch do not agree on whether it is sound.");
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
                $"Offset delta {offsetDelta} comes after {_previousDelta}, in a batch whose last is {_header.LastOffsetDelta}.");
        }

        if (_isSent && attributes != 0)
        {
            throw new RecordFormatException(
                RecordFormatError.BadRecordAttributes, $"The record at offset delta {offsetDelta} has attributes {attributes}; there are none.");
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
