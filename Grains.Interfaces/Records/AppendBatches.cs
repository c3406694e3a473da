namespace OrleansStream.Records;

/// <summary>
/// Whole batches to append, back to back. They are bytes that exist already, or records that are written only when they reach their final place, or
/// several of these in a row. This type owns none of their memory.
/// </summary>
public readonly record struct AppendBatches
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly RecordSelection? _selection;
    private readonly AppendBatches[]? _pieces;
    private readonly int _piece;
    private readonly bool _isWritten;

    /// <summary>Takes batches that exist already.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public AppendBatches(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
        LengthBytes = bytes.Length;
    }

    /// <summary>Takes a batch that is yet to be written.</summary>
    /// <param name="selection">The batch's records. No record may be added any more.</param>
    public AppendBatches(RecordSelection selection)
    {
        ArgumentNullException.ThrowIfNull(selection);
        _selection = selection;
        LengthBytes = selection.LengthBytes;
    }

    private AppendBatches(ReadOnlyMemory<byte> bytes, bool isWritten)
        : this(bytes) => _isWritten = isWritten;

    /// <summary>Takes several batches in a row.</summary>
    /// <param name="pieces">At least one; none of them is empty or made of several.</param>
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

    /// <summary>The length of all batches in bytes.</summary>
    public int LengthBytes { get; }

    /// <summary>True when there is no batch.</summary>
    public bool IsEmpty => LengthBytes == 0;

    /// <summary>
    /// Whether a <see cref="RecordBatchWriter"/> or <see cref="RecordSelection"/> of this process wrote the first batch, so that its header and
    /// records are known to be right. A batch from another process never counts as such.
    /// </summary>
    public bool IsFirstWrittenHere => _isWritten || _selection is not null;

    /// <summary>Takes a batch that was written in this process.</summary>
    /// <param name="writer">The writer, which has finished the batch. It must not be reset or disposed while the batch is in use.</param>
    public static AppendBatches Of(RecordBatchWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        return new AppendBatches(writer.WrittenBatch(), isWritten: true);
    }

    /// <summary>Takes a copy of a batch that was written in this process.</summary>
    /// <param name="writer">The writer, which has finished the batch. It may be reset or disposed after that.</param>
    /// <param name="destination">At least as long as the batch. It must not change while the batch is in use.</param>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public static AppendBatches CopyOf(RecordBatchWriter writer, Memory<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(writer);
        return new AppendBatches(destination[..writer.CopyTo(destination.Span)], isWritten: true);
    }

    /// <summary>Takes batches that exist already.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <summary>Takes batches that exist already.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(Memory<byte> bytes) => new(bytes);

    /// <summary>Takes batches that exist already.</summary>
    /// <param name="bytes">Whole batches, back to back.</param>
    public static implicit operator AppendBatches(byte[] bytes) => new(bytes);

    /// <summary>Checks the first batch with its checksum. A batch that is yet to be written was checked when its records were chosen.</summary>
    /// <param name="header">Its header.</param>
    /// <param name="lengthBytes">The batch's length in bytes, if it is valid.</param>
    public RecordBatchStatus Validate(out RecordBatchHeader header, out int lengthBytes)
    {
        if (_selection is null)
            return RecordBatchScanner.Validate(_bytes.Span, out header, out lengthBytes);
        header = _selection.Header;
        lengthBytes = header.LengthBytes;
        return RecordBatchStatus.Valid;
    }

    /// <summary>Reads the first batch's header without checking it.</summary>
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

    /// <summary>Copies the batches to their final place. Batches that are yet to be written are written there.</summary>
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

    /// <summary>The batches in one memory: the memory where they lie, if it is one, else a copy.</summary>
    public ReadOnlyMemory<byte> ToMemory() => _bytes.Length == LengthBytes ? _bytes : ToArray();

    /// <summary>A copy of the batches.</summary>
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
