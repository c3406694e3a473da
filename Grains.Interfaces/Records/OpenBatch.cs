namespace OrleansStream.Records;

/// <summary>
/// A stored batch that is read with pauses, while an answer waits for its reader. Its decompressed records stay in memory between the pauses.
/// <see cref="Dispose"/> gives the memory back, and no record of the batch may be used after it.
/// </summary>
public sealed class OpenBatch : IDisposable
{
    private readonly ReadOnlyMemory<byte> _batch;
    private StoredBatchPlace _place;

    /// <summary>Opens a batch, and decompresses its records if they are compressed.</summary>
    /// <param name="batch">Exactly one whole batch, whose header is valid: see <see cref="RecordBatchScanner"/>. It must not change.</param>
    /// <exception cref="RecordFormatException">The bytes do not start with a batch's header.</exception>
    public OpenBatch(ReadOnlyMemory<byte> batch)
    {
        _batch = batch;
        var records = new StoredBatchReader(batch.Span);
        UnfoldedBytes = records.UnfoldedBytes;
        _place = records.Place;
    }

    /// <summary>The batch as it is stored.</summary>
    public ReadOnlyMemory<byte> Stored => _batch;

    /// <inheritdoc cref="StoredBatchReader.UnfoldedBytes"/>
    public int UnfoldedBytes { get; }

    /// <summary>The memory of the decompressed records, in bytes; 0 when the batch is not compressed.</summary>
    public int MemoryBytes => _place.Records.Unfolded?.CapacityBytes ?? 0;

    /// <summary>A reader that goes on where the last one stopped. Do not dispose it, because its memory is the batch's.</summary>
    public StoredBatchReader Read() => new(_batch.Span, _place);

    /// <summary>Remembers where a reader has stopped.</summary>
    /// <param name="records">A reader of this batch.</param>
    public void Pause(in StoredBatchReader records) => _place = records.Place;

    /// <summary>A field of one of the records, as memory that is valid as long as the batch is open.</summary>
    /// <param name="field">The field, as a reader of this batch returned it.</param>
    public ReadOnlyMemory<byte> MemoryOf(ReadOnlySpan<byte> field)
    {
        var all = _place.Records.Unfolded?.WrittenMemory ?? _batch;
        return all.Span.Overlaps(field, out var at) ? all.Slice(at, field.Length) : default;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        var unfolded = _place.Records.Unfolded;
        // Prevents later reads, because the pool may lend the memory to somebody else.
        _place = _place with { Records = default, Fault = _place.Fault ?? "The batch is closed." };
        unfolded?.Dispose();
    }
}
