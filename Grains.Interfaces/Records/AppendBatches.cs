namespace OrleansStream.Records;

/// <summary>
/// Whole batches to append, back to back: bytes that lie there already, records that are written only at their last place, or several of
/// these one behind the other. It owns none of their memory.
/// </summary>
public readonly record struct AppendBatches
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly RecordSelection? _selection;
    private readonly AppendBatches[]? _pieces;
    private readonly int _piece;
    private readonly bool _isWritten;

    /// <summary>Takes batches as they lie.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public AppendBatches(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        LengthBytes = bytes.Length;
    }

    /// <summary>Takes a batch that is yet to be written.</summary>
    /// <param name="selection">Its records; to which none is added any more.</param>
    public AppendBatches(RecordSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        _selection = selection;
        LengthBytes = selection.LengthBytes;
    }

    private AppendBatches(ReadOnlyMemory<byte> bytes, bool isWritten)
        : this(bytes) => _isWritten = isWritten;

    /// <summary>Takes several, in their order.</summary>
    /// <param name="pieces">At least one, none of them empty or made of several.</param>
    public AppendBatches(AppendBatches[] pieces)
        : this(pieces, 0, SumOf(pieces))
    {
    }

    private AppendBatches(AppendBatches[] pieces, int piece, int lengthBytes)
    {
        (_bytes, _selection, _isWritten) = (pieces[piece]._bytes, pieces[piece]._selection, pieces[piece]._isWritten);
        (_pieces, _piece, LengthBytes) = (pieces, piece, lengthBytes);
    }

    private AppendBatches(in AppendBatches of, int lengthBytes)
    {
        this = of;
        _bytes = of._bytes[lengthBytes..];
        LengthBytes = of.LengthBytes - lengthBytes;
    }

    /// <summary>The length of all of them in bytes.</summary>
    public int LengthBytes { get; }

    /// <summary>True when there is none.</summary>
    public bool IsEmpty => LengthBytes == 0;

    /// <summary>
    /// Whether the first batch was written in this process by a <see cref="RecordBatchWriter"/> or a <see cref="RecordSelection"/>: its header
    /// is true, and its records are sound. What comes from another process is never believed to be.
    /// </summary>
    public bool IsFirstWrittenHere => _isWritten || _selection is not null;

    /// <summary>Takes a batch that was written in this process.</summary>
    /// <param name="writer">Who wrote it: finished, and not reset or disposed while the batch is in use.</param>
    public static AppendBatches Of(RecordBatchWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        return new AppendBatches(writer.WrittenBatch(), isWritten: true);
    }

    /// <summary>Takes batches as they lie.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <summary>Takes batches as they lie.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(Memory<byte> bytes) => new(bytes);

    /// <summary>Takes batches as they lie.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(byte[] bytes) => new(bytes);

    /// <summary>Checks the first batch, its checksum included. One that is yet to be written was checked where its records were chosen.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="lengthBytes">Its length in bytes, when it is valid.</param>
    public RecordBatchStatus Validate(out RecordBatchHeader header, out int lengthBytes)
    {
        if (_selection is null)
            return RecordBatchScanner.Validate(_bytes.Span, out header, out lengthBytes);
        header = _selection.Header;
        lengthBytes = header.LengthBytes;
        return RecordBatchStatus.Valid;
    }

    /// <summary>Reads the first batch's header as it stands.</summary>
    /// <param name="header">The header.</param>
    /// <returns>False when there is none.</returns>
    public bool TryReadFirst(out RecordBatchHeader header)
    {
        if (_selection is null)
            return RecordBatchHeader.TryRead(_bytes.Span, out header);
        header = _selection.Header;
        return true;
    }

    /// <summary>The first batch alone.</summary>
    /// <param name="lengthBytes">Its length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The first piece is shorter.</exception>
    public AppendBatches First(int lengthBytes) =>
        _selection is null ? new AppendBatches(_bytes[..lengthBytes], _isWritten) : new AppendBatches(_selection);

    /// <summary>All but the first batch.</summary>
    /// <param name="lengthBytes">The first batch's length in bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The first piece is shorter.</exception>
    public AppendBatches WithoutFirst(int lengthBytes)
    {
        var pieceLengthBytes = _selection?.LengthBytes ?? _bytes.Length;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, pieceLengthBytes);
        if (lengthBytes < pieceLengthBytes)
            return new AppendBatches(this, lengthBytes);
        return _pieces is not null && _piece + 1 < _pieces.Length
            ? new AppendBatches(_pieces, _piece + 1, LengthBytes - lengthBytes)
            : default;
    }

    /// <summary>Copies them to where they are to lie; those that were only chosen are written there.</summary>
    /// <param name="destination">At least <see cref="LengthBytes"/> bytes.</param>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public void CopyTo(Span<byte> destination)
    {
        for (var left = this; !left.IsEmpty;)
        {
            var pieceLengthBytes = left._selection?.LengthBytes ?? left._bytes.Length;
            if (left._selection is { } selection)
                selection.WriteTo(destination);
            else
                left._bytes.Span.CopyTo(destination);
            destination = destination[pieceLengthBytes..];
            left = left.WithoutFirst(pieceLengthBytes);
        }
    }

    /// <summary>Them in one memory: where they lie, if they lie in one, else a copy.</summary>
    public ReadOnlyMemory<byte> ToMemory() => _bytes.Length == LengthBytes ? _bytes : ToArray();

    /// <summary>A copy of them.</summary>
    public byte[] ToArray()
    {
        var copy = new byte[LengthBytes];
        CopyTo(copy);
        return copy;
    }

    private static int SumOf(AppendBatches[] pieces)
    {
        var sum = 0;
        foreach (var piece in pieces)
            sum = checked(sum + piece.LengthBytes);
        return sum;
    }
}
