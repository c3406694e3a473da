using System.Buffers.Binary;
using System.Runtime.InteropServices;
using OrleansStream.Log.Contract;
using OrleansStream.Records;

namespace OrleansStream.Log.Format;

/// <summary>
/// A segment's sparse index by offset and time: one entry per <see cref="LogLimits.IndexIntervalBytes"/> of batches.
/// </summary>
/// <remarks>
/// Only the log's writer adds entries; a reader takes a consistent prefix under the log's lock. Stored form, little endian: format (int32), count
/// (int32); for each entry offset delta (int32), position (int32) and latest timestamp before it (int64); then the CRC-32C of all before. The index
/// is a cache: a bad one is made again from the segment. In format 1 the timestamps are those of the batches' headers, in format 2 those of the
/// records.
/// </remarks>
internal sealed class SegmentIndex(long baseOffset)
{
    private const int FormatOfHeaderTimes = 1, Format = 2, HeadBytes = 8, EntryBytes = 16, CrcBytes = 4;
    private readonly List<Entry> _entries = [];
    private long _maxTimestampMs = -1;
    private int _indexedPosition = -LogLimits.IndexIntervalBytes;

    public int Count => _entries.Count;

    /// <summary>False when the index was stored by an earlier version, whose timestamps are those of the batches' headers.</summary>
    public bool HasRecordTimes { get; private init; } = true;

    /// <summary>Adds a batch; batches are added in the segment's order.</summary>
    public void Add(long offset, int position, long maxTimestampMs)
    {
        if (position - _indexedPosition >= LogLimits.IndexIntervalBytes)
        {
            _entries.Add(new Entry((int)(offset - baseOffset), position, _maxTimestampMs));
            _indexedPosition = position;
        }

        _maxTimestampMs = Math.Max(_maxTimestampMs, maxTimestampMs);
    }

    /// <summary>The last indexed batch at or before the one with an offset.</summary>
    public IndexedPlace FindPosition(long offset)
    {
        var delta = (int)Math.Min(offset - baseOffset, int.MaxValue);
        return Floor(entry => entry.OffsetDelta <= delta);
    }

    /// <summary>The last indexed batch such that no batch before it is dated at or after a time.</summary>
    public IndexedPlace FindPositionByTime(long timestampMs) => Floor(entry => entry.MaxTimestampBeforeMs < timestampMs);

    public byte[] ToBytes()
    {
        var bytes = new byte[HeadBytes + (_entries.Count * EntryBytes) + CrcBytes];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Format);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), _entries.Count);
        for (var i = 0; i < _entries.Count; i++)
        {
            var at = bytes.AsSpan(HeadBytes + (i * EntryBytes));
            BinaryPrimitives.WriteInt32LittleEndian(at, _entries[i].OffsetDelta);
            BinaryPrimitives.WriteInt32LittleEndian(at[4..], _entries[i].Position);
            BinaryPrimitives.WriteInt64LittleEndian(at[8..], _entries[i].MaxTimestampBeforeMs);
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(^CrcBytes..), Crc32C.Compute(bytes.AsSpan(..^CrcBytes)));
        return bytes;
    }

    /// <summary>Reads a stored index; null when it is damaged or of another format.</summary>
    public static SegmentIndex? TryParse(long baseOffset, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeadBytes + CrcBytes || (bytes.Length - HeadBytes - CrcBytes) % EntryBytes != 0
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[^CrcBytes..]) != Crc32C.Compute(bytes[..^CrcBytes])
            || BinaryPrimitives.ReadInt32LittleEndian(bytes) is not (FormatOfHeaderTimes or Format))
        {
            return null;
        }

        var index = new SegmentIndex(baseOffset) { HasRecordTimes = BinaryPrimitives.ReadInt32LittleEndian(bytes) == Format };
        for (var at = bytes[HeadBytes..^CrcBytes]; at.Length > 0; at = at[EntryBytes..])
        {
            index._entries.Add(new Entry(
                BinaryPrimitives.ReadInt32LittleEndian(at), BinaryPrimitives.ReadInt32LittleEndian(at[4..]),
                BinaryPrimitives.ReadInt64LittleEndian(at[8..])));
        }

        return index;
    }

    // Both keys never fall from one entry to the next, so a binary search finds the last entry that fits.
    private IndexedPlace Floor(Func<Entry, bool> fits)
    {
        var entries = CollectionsMarshal.AsSpan(_entries);
        int low = 0, high = entries.Length;
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (fits(entries[middle]))
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0
            ? new IndexedPlace(0, baseOffset)
            : new IndexedPlace(entries[low - 1].Position, baseOffset + entries[low - 1].OffsetDelta);
    }

    private readonly record struct Entry(int OffsetDelta, int Position, long MaxTimestampBeforeMs);
}

/// <summary>The place of a batch in a segment.</summary>
/// <param name="Position">Its position in the segment.</param>
/// <param name="Offset">Its base offset. The batch's CRC does not cover it, so readers compare it with the chain of offsets that starts here.</param>
internal readonly record struct IndexedPlace(int Position, long Offset);
