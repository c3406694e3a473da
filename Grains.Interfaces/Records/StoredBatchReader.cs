namespace OrleansStream.Records;

/// <summary>Offsets whose records cannot be had, since their batch holds no such records though its checksum is right.</summary>
/// <param name="Offset">The first of them.</param>
/// <param name="LastOffset">The last of them.</param>
/// <param name="Detail">What is wrong.</param>
public readonly record struct UnreadableRecords(long Offset, long LastOffset, string Detail);

/// <summary>Where a reader of a stored batch stands.</summary>
/// <param name="Header">The batch's header.</param>
/// <param name="Records">Where it stands among the records.</param>
/// <param name="NextOffset">The offset behind the last record that was read.</param>
/// <param name="Fault">Why it can read no further; null while it can.</param>
internal readonly record struct StoredBatchPlace(RecordBatchHeader Header, RecordPlace Records, long NextOffset, string? Fault);

/// <summary>
/// Reads the records of a stored batch. Earlier versions stored what a producer sent without looking inside, so it may be anything: where it
/// cannot be read, or the next offset's record does not follow, this ends, and <see cref="UnreadableFrom"/> tells of the rest. Memory stays within
/// <see cref="RecordLimits.DecompressedBatchBytesMax"/>, which is given back by <see cref="Dispose"/>: no record may be used after it.
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
            throw new RecordFormatException(RecordFormatError.BadBatchHeader, $"{batch.Length} bytes are no batch: {status}.");
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
    /// The bytes that its records unfolded to; 0 when they are not compressed. One that cannot be unfolded counts for as much as one may
    /// hold, since nobody knows how far it came.
    /// </summary>
    public readonly int UnfoldedBytes => _header.Compression == CompressionType.None ? 0
        : _records.UnfoldedBytes ?? RecordLimits.DecompressedBatchBytesMax;

    /// <summary>What is wrong with the batch, as far as it was read; null when nothing is.</summary>
    public readonly string? Fault => _fault;

    /// <summary>Reads all records for their times alone. No record was read before, and none can be read after.</summary>
    /// <returns>
    /// The latest time in milliseconds since 1970-01-01 UTC, or -1. Where records cannot be read, what the header says counts too.
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

    /// <summary>Reads the next record. A control batch has none for anybody.</summary>
    /// <param name="record">The record: all its fields are sound.</param>
    /// <returns>False behind the last one that can be read.</returns>
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
                    _fault = $"The batch ends before offset {_nextOffset}, and is to go to {_header.LastOffset}.";
                return false;
            }
        }
        catch (RecordFormatException exception)
        {
            _fault = exception.Message;
            return false;
        }

        // No offset is passed over in silence: a batch of a log that is not compacted has a record at each.
        if (record.Offset != _nextOffset)
        {
            _fault = $"A record at offset {record.Offset} stands where that of offset {_nextOffset} is to be.";
            record = default;
            return false;
        }

        _nextOffset++;
        return true;
    }

    /// <summary>What cannot be read, once <see cref="TryReadNext"/> has ended.</summary>
    /// <param name="offset">The first offset that is wanted.</param>
    /// <returns>Those at or behind that offset; null when there are none. Bytes behind the last record have no offset.</returns>
    public readonly UnreadableRecords? UnreadableFrom(long offset)
    {
        var first = Math.Max(_nextOffset, offset);
        return _fault is not null && !_header.IsControl && first <= _header.LastOffset
            ? new UnreadableRecords(first, _header.LastOffset, _fault)
            : null;
    }

    /// <summary>Gives the pooled buffer back. Every record read becomes invalid.</summary>
    public readonly void Dispose() => _records.Dispose();
}
