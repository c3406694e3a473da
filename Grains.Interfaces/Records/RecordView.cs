namespace OrleansStream.Records;

/// <summary>One record where it lies in its batch. Nothing is copied, and the view is valid as long as its reader.</summary>
public readonly ref struct RecordView
{
    internal RecordView(
        sbyte attributes, int offsetDelta, long offset, long timestampMs, RecordField key, RecordField value,
        int headerCount, ReadOnlySpan<byte> encodedHeaders)
    {
        Attributes = attributes;
        OffsetDelta = offsetDelta;
        Offset = offset;
        TimestampMs = timestampMs;
        HasKey = key.IsPresent;
        Key = key.Bytes;
        HasValue = value.IsPresent;
        Value = value.Bytes;
        HeaderCount = headerCount;
        EncodedHeaders = encodedHeaders;
    }

    /// <summary>The record's own flags; Kafka defines none.</summary>
    public sbyte Attributes { get; }

    /// <summary>The offset less the batch's base offset.</summary>
    public int OffsetDelta { get; }

    /// <summary>The record's offset.</summary>
    public long Offset { get; }

    /// <summary>The record's time, by the batch's timestamp type, in milliseconds since 1970-01-01 UTC; -1 when it has none.</summary>
    public long TimestampMs { get; }

    /// <summary>False when the key is null. An empty key is not null.</summary>
    public bool HasKey { get; }

    /// <summary>The key's bytes; empty when it is null.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>False when the value is null (a tombstone). An empty value is not null.</summary>
    public bool HasValue { get; }

    /// <summary>The value's bytes; empty when it is null.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>The count of headers.</summary>
    public int HeaderCount { get; }

    /// <summary>The headers as encoded, with the varint of their count before them, in the form that <see cref="RecordBatchWriter"/> takes.</summary>
    public ReadOnlySpan<byte> EncodedHeaders { get; }

    /// <summary>The headers in their order; a key may come more than once.</summary>
    public RecordHeaderEnumerator Headers => new(EncodedHeaders);
}

/// <summary>One header of a record, where it lies in its batch.</summary>
public readonly ref struct RecordHeaderView
{
    internal RecordHeaderView(ReadOnlySpan<byte> key, RecordField value)
    {
        Key = key;
        HasValue = value.IsPresent;
        Value = value.Bytes;
    }

    /// <summary>The key: UTF-8, if its writer kept to the format.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>False when the value is null. An empty value is not null.</summary>
    public bool HasValue { get; }

    /// <summary>The value's bytes; empty when it is null.</summary>
    public ReadOnlySpan<byte> Value { get; }
}

/// <summary>The place at which an enumerator of headers has stopped.</summary>
/// <param name="Position">The position behind the last header that was read.</param>
/// <param name="Left">The count of headers that are not read yet.</param>
public readonly record struct RecordHeaderPlace(int Position, int Left);

/// <summary>Walks a record's headers; usable in <c>foreach</c>.</summary>
public ref struct RecordHeaderEnumerator
{
    private RecordFieldReader _fields;
    private int _left;

    /// <summary>Begins before the first header.</summary>
    /// <param name="encodedHeaders">Headers with the varint of their count before them; empty bytes are no headers.</param>
    /// <exception cref="RecordFormatException">The count is negative or more than the bytes can hold.</exception>
    public RecordHeaderEnumerator(ReadOnlySpan<byte> encodedHeaders)
    {
        _fields = new RecordFieldReader(encodedHeaders);
        _left = encodedHeaders.IsEmpty ? 0 : _fields.ReadHeaderCount();
    }

    /// <summary>Goes on where another enumerator of the same headers has stopped.</summary>
    /// <param name="encodedHeaders">The headers.</param>
    /// <param name="place">The place where the other enumerator has stopped.</param>
    public RecordHeaderEnumerator(ReadOnlySpan<byte> encodedHeaders, RecordHeaderPlace place)
    {
        _fields = new RecordFieldReader(encodedHeaders, place.Position);
        _left = place.Left;
    }

    /// <summary>The place behind <see cref="Current"/>.</summary>
    public readonly RecordHeaderPlace Place => new(_fields.Position, _left);

    /// <summary>The current header.</summary>
    public RecordHeaderView Current { get; private set; }

    /// <summary>Goes to the next header.</summary>
    /// <returns>False after the last.</returns>
    /// <exception cref="RecordFormatException">The bytes are not headers. Never thrown for the headers of a <see cref="RecordView"/>.</exception>
    public bool MoveNext()
    {
        if (_left == 0)
            return false;
        _left--;
        Current = _fields.ReadHeader();
        return true;
    }

    /// <summary>This enumerator, for <c>foreach</c>.</summary>
    public readonly RecordHeaderEnumerator GetEnumerator() => this;
}
