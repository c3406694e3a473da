using OrleansStream.Log.Contract;
using OrleansStream.Log.Format;
using OrleansStream.Log.Resources;

namespace OrleansStream.Log.Caches;

/// <summary>The indexes of the few closed segments that were used last. The log's gate guards it.</summary>
internal sealed class SegmentIndexCache
{
    private readonly LinkedList<(string Segment, SegmentIndex Index)> _indexes = new();

    public void Add(string segment, SegmentIndex index)
    {
        _indexes.AddFirst((segment, index));
        if (_indexes.Count > LogLimits.IndexesMax)
            _indexes.RemoveLast();
    }

    public SegmentIndex? Find(string segment)
    {
        for (var node = _indexes.First; node is not null; node = node.Next)
        {
            if (node.Value.Segment == segment)
            {
                _indexes.Remove(node);
                _indexes.AddFirst(node);
                return node.Value.Index;
            }
        }

        return null;
    }

    /// <summary>Whether there is nothing to clear.</summary>
    public bool IsEmpty => _indexes.Count == 0;

    public void Clear() => _indexes.Clear();
}

/// <summary>A run of batches that was read from a segment and checked.</summary>
/// <param name="Offset">The base offset of the first batch.</param>
/// <param name="EndOffset">The offset behind the last batch.</param>
/// <param name="Batches">The batches, back to back.</param>
/// <param name="HeldBytes">The length of the buffer that the batches lie in, which counts as cached memory.</param>
internal readonly record struct ReadAheadBlock(long Offset, long EndOffset, ReadOnlyMemory<byte> Batches, int HeldBytes)
{
    public ReadOnlyMemory<byte> Read(long offset, int bytesMax)
    {
        var from = Batches[BatchRange.FindStart(Batches.Span, 0, offset)..];
        return from[..BatchRange.FindLength(from.Span, bytesMax)];
    }
}

/// <summary>The blocks of older data that were read last, for readers that go on from there. The log's gate guards it.</summary>
/// <param name="resources">Bounds what all logs together keep in memory.</param>
internal sealed class ReadAheadCache(LogResources resources)
{
    private readonly Queue<ReadAheadBlock> _blocks = new();

    /// <summary>Keeps a block, unless the process has no room for it.</summary>
    public void Add(ReadAheadBlock block)
    {
        while (_blocks.Count >= LogLimits.ReadAheadBlocksMax)
            Drop();

        if (resources.TryKeep(block.HeldBytes))
            _blocks.Enqueue(block);
    }

    public ReadAheadBlock? Find(long offset)
    {
        foreach (var block in _blocks)
        {
            if (offset >= block.Offset && offset < block.EndOffset)
                return block;
        }

        return null;
    }

    /// <summary>Whether there is nothing to clear.</summary>
    public bool IsEmpty => _blocks.Count == 0;

    public void Clear()
    {
        while (_blocks.Count > 0)
            Drop();
    }

    private void Drop() => resources.Forget(_blocks.Dequeue().HeldBytes);
}
