namespace OrleansStream.Records;

/// <summary>
/// A stored batch that is not compressed, and each of whose offsets has a record that can be read. All of that is checked at once when it is opened,
/// so its records are then read without further checks, with pauses, and at a fraction of what <see cref="StoredBatchReader"/> takes for each.
/// </summary>
public struct WholeBatch
{
    private readonly ReadOnlyMemory<byte> _records;
    private readonly RecordBatchHeader _header;
    private int _position;
    private int _readCount;

    private WholeBatch(ReadOnlyMemory<byte> records, in RecordBatchHeader header) => (_records, _header) = (records, header);

    /// <summary>Checks a batch, and opens it if it is whole.</summary>
    /// <param name="batch">Exactly one batch, whose header is valid: see <see cref="RecordBatchScanner"/>. It must not change from now on.</param>
    /// <param name="whole">The batch before its first record.</param>
    /// <returns>False for a compressed batch, a control batch, and one with an offset that has no record or one that cannot be read.</returns>
    /// <exception cref="RecordFormatException">The bytes do not start with a batch's header.</exception>
    public static bool TryOpen(ReadOnlyMemory<byte> batch, out WholeBatch whole)
    {
        whole = default;
        // A compressed batch would be decompressed to be looked into.
        if (RecordBatchHeader.TryRead(batch.Span, out var header) && header.Compression != CompressionType.None)
            return false;
        var reader = new StoredBatchReader(batch.Span);
        if (!reader.IsWhole)
            return false;
        whole = new WholeBatch(batch[RecordBatchHeader.HeaderLengthBytes..], header);
        return true;
    }

    /// <summary>A reader that goes on where the last one stopped.</summary>
    public readonly WholeBatchReader Read() => new(_records.Span, _header, _position, _readCount);

    /// <summary>Remembers where a reader has stopped.</summary>
    /// <param name="reader">A reader of this batch.</param>
    public void Pause(in WholeBatchReader reader) => (_position, _readCount) = (reader.Position, reader.ReadCount);
}

/// <summary>Reads the records of a <see cref="WholeBatch"/> where they lie.</summary>
public ref struct WholeBatchReader
{
    private readonly ReadOnlySpan<byte> _records;
    private readonly long _baseOffset;
    private readonly long _baseTimestampMs;
    private readonly long? _appendTimeMs;
    private readonly int _count;
    private int _position;

    internal WholeBatchReader(ReadOnlySpan<byte> records, scoped in RecordBatchHeader header, int position, int readCount)
    {
        _records = records;
        _count = header.RecordCount;
        _baseOffset = header.BaseOffset;
        _baseTimestampMs = header.BaseTimestamp;
        _appendTimeMs = header.TimestampType == TimestampType.LogAppendTime ? header.MaxTimestamp : null;
        (_position, ReadCount) = (position, readCount);
    }

    /// <summary>The position behind the last record that was read, counted from the first record.</summary>
    internal readonly int Position => _position;

    /// <summary>The count of records that were read.</summary>
    internal int ReadCount { get; private set; }

    /// <summary>Reads the next record.</summary>
    /// <param name="record">The record.</param>
    /// <returns>False after the last one.</returns>
    public bool TryReadNext(out RecordView record)
    {
        if (ReadCount == _count)
        {
            record = default;
            return false;
        }

        var at = _position;
        var length = ReadNumber(ref at);
        var end = at + length;
        // The attributes, which are none.
        at++;
        Varint.TryRead(_records, ref at, out long timestampDelta);
        ReadNumber(ref at);
        var key = ReadField(ref at);
        var value = ReadField(ref at);
        var headers = _records[at..end];
        var headerCount = ReadNumber(ref at);
        record = new RecordView(
            attributes: 0, ReadCount, _baseOffset + ReadCount, _appendTimeMs ?? _baseTimestampMs + timestampDelta, key, value, headerCount, headers);
        _position = end;
        ReadCount++;
        return true;
    }

    private readonly int ReadNumber(scoped ref int at)
    {
        Varint.TryRead(_records, ref at, out int number);
        return number;
    }

    private readonly RecordField ReadField(scoped ref int at)
    {
        var length = ReadNumber(ref at);
        if (length < 0)
            return default;
        var bytes = _records.Slice(at, length);
        at += length;
        return new RecordField(true, bytes);
    }
}
