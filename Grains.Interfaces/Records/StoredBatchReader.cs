namespace OrleansStream.Records;

/// <summary>Offsets whose records cannot be had, since their batch holds no such records though its checksum is right.</summary>
/// <param name="Offset">The first of them.</param>
/// <param name="LastOffset">The last of them.</param>
/// <param name="Detail">What is wrong.</param>
public readonly record struct UnreadableRecords(long Offset, long LastOffset, string Detail);

/// <summary>
/// Reads the records of a stored batch. What a producer compressed was stored unopened, so it may be anything: where it cannot be
/// read this ends, and <see cref="UnreadableFrom"/> tells of the rest. Memory stays within
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
        RecordBatchStatus status = RecordBatchScanner.Validate(batch, checkCrc: false, out _header, out _);
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

    /// <summary>The batch's header.</summary>
    public readonly RecordBatchHeader Header => _header;

    /// <summary>
    /// The bytes that its records unfolded to; 0 when they are not compressed. One that cannot be unfolded counts for as much as one may
    /// hold, since nobody knows how far it came.
    /// </summary>
    public readonly int UnfoldedBytes => _header.Compression == CompressionType.None ? 0
        : _records.UnfoldedBytes ?? RecordLimits.DecompressedBatchBytesMax;

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
                return false;
        }
        catch (RecordFormatException exception)
        {
            _fault = exception.Message;
            return false;
        }

        _nextOffset = record.Offset + 1;
        return true;
    }

    /// <summary>What cannot be read, once <see cref="TryReadNext"/> has ended.</summary>
    /// <param name="offset">The first offset that is wanted.</param>
    /// <returns>Those at or behind that offset; null when there are none. Bytes behind the last record have no offset.</returns>
    public readonly UnreadableRecords? UnreadableFrom(long offset)
    {
        long first = Math.Max(_nextOffset, offset);
        return _fault is not null && !_header.IsControl && first <= _header.LastOffset
            ? new UnreadableRecords(first, _header.LastOffset, _fault)
            : null;
    }

    /// <summary>Gives the pooled buffer back. Every record read becomes invalid.</summary>
    public readonly void Dispose() => _records.Dispose();
}
