namespace OrleansStream.Records;

/// <summary>Offsets whose records cannot be read, because their batch is malformed although its checksum is right.</summary>
/// <param name="Offset">The first of them.</param>
/// <param name="LastOffset">The last of them.</param>
/// <param name="Detail">What is wrong.</param>
public readonly record struct UnreadableRecords(long Offset, long LastOffset, string Detail);

/// <summary>The place at which a reader of a stored batch has stopped.</summary>
/// <param name="Header">The batch's header.</param>
/// <param name="Records">The place among the records.</param>
/// <param name="NextOffset">The offset behind the last record that was read.</param>
/// <param name="Fault">Why it cannot read further; null while it can.</param>
internal readonly record struct StoredBatchPlace(RecordBatchHeader Header, RecordPlace Records, long NextOffset, string? Fault);

/// <summary>
/// Reads the records of a stored batch. Earlier versions stored batches of producers unopened, so a batch may contain anything. The reader ends where
/// the batch cannot be read, or where the record of the next offset does not follow; <see cref="UnreadableFrom"/> then returns the rest. Memory stays
/// within <see cref="RecordLimits.DecompressedBatchBytesMax"/>. <see cref="Dispose"/> gives it back, and no record may be used after it.
/// </summary>
public ref struct StoredBatchReader
{
    private readonly RecordBatchHeader _header;
    private RecordBatchReader _records;
    private long _nextOffset;
    private string? _fault;

    /// <summary>Opens a batch.</summary>
    /// <param name="batch">Exactly one whole batch, whose header is valid: see <see cref="RecordBatchScanner"/>.</param>
    /// <exception cref="RecordFormatException">The bytes do not start with a batch's header.</exception>
    public StoredBatchReader(ReadOnlySpan<byte> batch)
    {
        var status = RecordBatchScanner.Validate(batch, checkCrc: false, out _header, out _);
        if (status != RecordBatchStatus.Valid)
            throw new RecordFormatException(RecordFormatError.BadBatchHeader, $"{batch.Length} bytes are not a batch: {status}.");
        _nextOffset = _header.BaseOffset;
        try
        {
            _records = new RecordBatchReader(batch);
        }
        catch (RecordFormatException exception)
        {
            _fault = exception.Message;
        }
    }

    internal StoredBatchReader(ReadOnlySpan<byte> batch, scoped in StoredBatchPlace place)
    {
        _header = place.Header;
        _nextOffset = place.NextOffset;
        _fault = place.Fault;
        _records = new RecordBatchReader(batch, _header, place.Records);
    }

    /// <summary>The batch's header.</summary>
    public readonly RecordBatchHeader Header => _header;

    internal readonly StoredBatchPlace Place => new(_header, _records.Place, _nextOffset, _fault);

    /// <summary>
    /// The length of the decompressed records in bytes; 0 when they are not compressed. A batch whose decompression failed counts with the largest
    /// length that a batch may have, because nobody knows how many bytes were decompressed before the failure.
    /// </summary>
    public readonly int UnfoldedBytes => _header.Compression == CompressionType.None ? 0
        : _records.UnfoldedBytes ?? RecordLimits.DecompressedBatchBytesMax;

    /// <summary>What is wrong with the batch, as far as it was read; null when nothing is wrong.</summary>
    public readonly string? Fault => _fault;

    /// <summary>
    /// True when every offset of the batch has a record that can be read. It checks all records at once, so none may have been read before. A control
    /// batch has no records.
    /// </summary>
    public readonly bool IsWhole => _fault is null && !_header.IsControl && _header.LastOffsetDelta == _header.RecordCount - 1
        && _nextOffset == _header.BaseOffset && _records.TryScan(out _);

    /// <summary>Reads only the times of all records. No record may be read before or after.</summary>
    /// <returns>
    /// The latest time in milliseconds since 1970-01-01 UTC, or -1. If some records cannot be read, the header's time counts too.
    /// </returns>
    public long ReadLatestTimestamp()
    {
        if (_fault is null && _header.LastOffsetDelta == _header.RecordCount - 1 && _records.TryScan(out var summary))
        {
            _nextOffset = _header.NextOffset;
            return summary.MaxTimestampMs;
        }

        long latest = RecordBatchHeader.None;
        while (TryReadNext(out var record))
            latest = Math.Max(latest, record.TimestampMs);
        return UnreadableFrom(_header.BaseOffset) is null ? latest : Math.Max(latest, _header.MaxTimestamp);
    }

    /// <summary>Reads the next record. The records of control batches are never returned.</summary>
    /// <param name="record">The record, all of whose fields were checked.</param>
    /// <returns>False after the last record that can be read.</returns>
    public bool TryReadNext(out RecordView record)
    {
        record = default;
        if (_fault is not null || _header.IsControl)
            return false;
        try
        {
            if (!_records.TryReadNext(out record))
            {
                if (_nextOffset <= _header.LastOffset)
                    _fault = $"The batch ends before offset {_nextOffset}, but its header says that it goes to {_header.LastOffset}.";
                return false;
            }
        }
        catch (RecordFormatException exception)
        {
            _fault = exception.Message;
            return false;
        }

        // Offsets are never skipped silently: in a log that is not compacted each offset has a record.
        if (record.Offset != _nextOffset)
        {
            _fault = $"A record has offset {record.Offset} where offset {_nextOffset} must follow.";
            record = default;
            return false;
        }

        _nextOffset++;
        return true;
    }

    /// <summary>The offsets that cannot be read, once <see cref="TryReadNext"/> has returned false.</summary>
    /// <param name="offset">The first offset that is wanted.</param>
    /// <returns>Those from that offset on; null when there are none. Bytes behind the last record have no offset.</returns>
    public readonly UnreadableRecords? UnreadableFrom(long offset)
    {
        var first = Math.Max(_nextOffset, offset);
        return _fault is not null && !_header.IsControl && first <= _header.LastOffset
            ? new UnreadableRecords(first, _header.LastOffset, _fault)
            : null;
    }

    /// <summary>Gives the pooled buffer back. Every record that was read becomes invalid.</summary>
    public readonly void Dispose() => _records.Dispose();
}
