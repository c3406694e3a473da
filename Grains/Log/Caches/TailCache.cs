using System.Buffers;
using System.Runtime.InteropServices;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Records;

namespace OrleansStream.Log.Caches;

/// <summary>
/// The newest batches of a log in memory. Groups are written into chunks, one behind the other, so the writer's buffer and the readers' cache are the
/// same bytes. Not thread-safe: the log's lock guards it.
/// </summary>
/// <remarks>
/// Bytes below <see cref="Chunk.Length"/> never change. A reader may keep the slice it was given, and readers are not counted. So a chunk that any
/// reader has seen is left to the garbage collector, and only a chunk that nobody has read goes back to the pool.
/// </remarks>
/// <param name="resources">Bounds what all logs together keep in memory.</param>
internal sealed class TailCache(LogResources resources)
{
    private readonly Queue<Chunk> _chunks = new();
    private Chunk? _last;
    private long _bytes;

    /// <summary>Reserves room for a group behind the last one. Readers do not see the group before <see cref="Publish"/>.</summary>
    public Memory<byte> Reserve(int lengthBytes, long baseOffset)
    {
        if (_last is not { } last || last.Bytes.Length - last.Length < lengthBytes || last.EndOffset != baseOffset)
        {
            var wanted = Math.Min((_last?.Bytes.Length ?? LogLimits.TailChunkBytesMin / 2) * 2, LogLimits.TailChunkBytesMax);
            last = new Chunk(ArrayPool<byte>.Shared.Rent(Math.Max(wanted, lengthBytes)), baseOffset);
            _last = last; // joins the queue when its first group is published
        }

        return last.Bytes.AsMemory(last.Length, lengthBytes);
    }

    /// <summary>Lets readers see the group that was written into the room reserved last.</summary>
    public void Publish(int lengthBytes, long endOffset)
    {
        var chunk = _last!;
        if (chunk.Length == 0 && !TryKeep(chunk))
        {
            _last = null; // memory has no room for it; readers get it from the store
            return;
        }

        chunk.Extend(lengthBytes, endOffset);
        while (_chunks.Count > 1 && _bytes > LogLimits.TailCacheBytesMax)
            Drop();
    }

    /// <summary>Whole batches from the one that holds an offset on, as far as its chunk goes; empty when the offset is not in memory.</summary>
    public ReadOnlyMemory<byte> Read(long offset, int bytesMax)
    {
        foreach (var chunk in _chunks)
        {
            if (offset >= chunk.BaseOffset && offset < chunk.EndOffset)
                return chunk.Read(offset, bytesMax);
        }

        return default;
    }

    /// <summary>Whether there is nothing to clear.</summary>
    public bool IsEmpty => _chunks.Count == 0 && _last is null;

    public void Clear()
    {
        while (_chunks.Count > 0)
            Drop();

        _last = null;
    }

    // When the process has no room left, the log drops its own oldest bytes for its newest.
    private bool TryKeep(Chunk chunk)
    {
        while (!resources.TryKeep(chunk.Bytes.Length))
        {
            if (_chunks.Count == 0)
                return false;

            Drop();
        }

        _chunks.Enqueue(chunk);
        _bytes += chunk.Bytes.Length;
        return true;
    }

    private void Drop()
    {
        var chunk = _chunks.Dequeue();
        _bytes -= chunk.Bytes.Length;
        resources.Forget(chunk.Bytes.Length);
        // A group may be on its way to the store from the last chunk, so its buffer is not given back.
        if (!chunk.WasRead && chunk != _last)
            ArrayPool<byte>.Shared.Return(chunk.Bytes);
    }

    private sealed class Chunk(byte[] bytes, long baseOffset)
    {
        private readonly List<(long Offset, int Position)> _index = [];

        public byte[] Bytes { get; } = bytes;

        public long BaseOffset { get; } = baseOffset;

        public long EndOffset { get; private set; } = baseOffset;

        public int Length { get; private set; }

        /// <summary>True once a reader has been given a slice of the chunk.</summary>
        public bool WasRead { get; private set; }

        public void Extend(int lengthBytes, long endOffset)
        {
            if (_index.Count == 0 || Length - _index[^1].Position >= LogLimits.IndexIntervalBytes)
                _index.Add((EndOffset, Length));

            Length += lengthBytes;
            EndOffset = endOffset;
        }

        public ReadOnlyMemory<byte> Read(long offset, int bytesMax)
        {
            var position = BatchRange.FindStart(Bytes.AsSpan(0, Length), IndexedPosition(offset), offset);
            var length = BatchRange.FindLength(Bytes.AsSpan(position, Length - position), bytesMax);
            WasRead = true;
            return Bytes.AsMemory(position, length);
        }

        private int IndexedPosition(long offset)
        {
            var entries = CollectionsMarshal.AsSpan(_index);
            int low = 0, high = entries.Length;
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (entries[middle].Offset <= offset)
                    low = middle + 1;
                else
                    high = middle;
            }

            return entries[Math.Max(low - 1, 0)].Position;
        }
    }
}

/// <summary>Walks batches that are known to be whole and valid.</summary>
internal static class BatchRange
{
    /// <summary>The position of the batch that holds an offset.</summary>
    public static int FindStart(ReadOnlySpan<byte> batches, int position, long offset)
    {
        while (RecordBatchHeader.TryRead(batches[position..], out var header) && header.LastOffset < offset)
            position += header.LengthBytes;

        return position;
    }

    /// <summary>The length of as many whole batches as fit into a count of bytes, but at least of one batch.</summary>
    public static int FindLength(ReadOnlySpan<byte> batches, int bytesMax)
    {
        if (batches.Length <= bytesMax)
            return batches.Length;

        var length = 0;
        while (RecordBatchHeader.TryRead(batches[length..], out var header)
            && (length == 0 || length + header.LengthBytes <= bytesMax))
        {
            length += header.LengthBytes;
        }

        return length;
    }

    /// <summary>The count of the batches' records.</summary>
    public static long CountRecords(ReadOnlySpan<byte> batches)
    {
        long count = 0;
        for (; RecordBatchHeader.TryRead(batches, out var header); batches = batches[header.LengthBytes..])
            count += header.RecordCount;

        return count;
    }
}
