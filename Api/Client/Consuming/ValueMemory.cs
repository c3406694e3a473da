using System.Buffers;

namespace OrleansStream.Client.Consuming;

/// <summary>
/// Keeps the values of small batches that were decompressed, many in one pooled array: a batch of one record would otherwise hold as much memory as
/// its decompression asked for. For one thread at a time.
/// </summary>
internal sealed class ValueMemory
{
    private readonly List<byte[]> _chunks = [];
    private int _used;

    /// <summary>The memory that is held, in bytes.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Keeps a value until <see cref="Clear"/>.</summary>
    /// <param name="value">The value, of at most <see cref="ConsumerLimits.SmallBatchBytesMax"/>.</param>
    /// <returns>The same bytes.</returns>
    public ReadOnlyMemory<byte> Keep(ReadOnlySpan<byte> value)
    {
        if (_chunks.Count == 0 || value.Length > _chunks[^1].Length - _used)
        {
            _chunks.Add(ArrayPool<byte>.Shared.Rent(ConsumerLimits.ValueChunkBytes));
            HeldBytes += _chunks[^1].Length;
            _used = 0;
        }

        var kept = _chunks[^1].AsMemory(_used, value.Length);
        value.CopyTo(kept.Span);
        _used += value.Length;
        return kept;
    }

    /// <summary>Gives the memory back. No value may be used after that.</summary>
    public void Clear()
    {
        foreach (var chunk in _chunks)
            ArrayPool<byte>.Shared.Return(chunk);
        _chunks.Clear();
        (_used, HeldBytes) = (0, 0);
    }
}
