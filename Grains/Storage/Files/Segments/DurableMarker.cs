using System.Buffers.Binary;
using OrleansStream.Records;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// The content of the small file beside a segment: up to which length the segment was durable when an append was last reported.
/// </summary>
/// <remarks>
/// 32 bytes, little-endian, overwritten in place: <c>OSDM</c>, version u8, flags u8, zero u16, length i64, append count i32, zero u64, CRC-32C u32 of
/// all before. It is written after the data is synced and before the append is reported, but is itself not synced. So it survives a killed process,
/// and after a power loss it can only lag behind. The kernel writes it back within its usual half a minute.
/// </remarks>
/// <param name="Length">The length up to which every byte was durable.</param>
/// <param name="AppendCount">The count of appends to the segment.</param>
/// <param name="Flags">What else is certain.</param>
internal readonly record struct DurableMarker(long Length, int AppendCount, DurableMarkerFlags Flags)
{
    /// <summary>The length of a marker in bytes.</summary>
    public const int Size = 32;

    private const byte Version = 1;

    private static ReadOnlySpan<byte> Magic => "OSDM"u8;

    /// <summary>Writes the marker into <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> destination)
    {
        destination[..Size].Clear();
        Magic.CopyTo(destination);
        destination[4] = Version;
        destination[5] = (byte)Flags;
        BinaryPrimitives.WriteInt64LittleEndian(destination[8..], Length);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], AppendCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[28..], Checksum(destination));
    }

    /// <summary>Reads a marker.</summary>
    /// <returns>Null when the bytes are not a marker, because they are damaged or of an unknown version.</returns>
    public static DurableMarker? Read(ReadOnlySpan<byte> source)
    {
        if (source.Length < Size
            || !source.StartsWith(Magic)
            || source[4] != Version
            || BinaryPrimitives.ReadUInt32LittleEndian(source[28..]) != Checksum(source))
        {
            return null;
        }

        return new(
            BinaryPrimitives.ReadInt64LittleEndian(source[8..]),
            BinaryPrimitives.ReadInt32LittleEndian(source[16..]),
            (DurableMarkerFlags)source[5]);
    }

    /// <summary>Reads the content of a marker's file.</summary>
    /// <param name="bytes">The file's bytes; empty when the file is missing.</param>
    /// <returns>
    /// A marker with length 0 when the file is missing or empty, as after a power loss before the marker was first written back. Null when the marker
    /// is damaged, so that nobody knows what was durable.
    /// </returns>
    public static DurableMarker? OfFile(ReadOnlySpan<byte> bytes) =>
        bytes.ContainsAnyExcept((byte)0) ? Read(bytes) : default(DurableMarker);

    /// <summary>The extent of a segment, by its marker and its file's length.</summary>
    /// <param name="marker">
    /// The result of <see cref="OfFile"/>. With null, a damaged marker, the whole file counts as durable, so that nothing is cut.
    /// </param>
    /// <param name="fileLength">The length of the data file.</param>
    public static SegmentExtent ExtentOf(DurableMarker? marker, long fileLength)
    {
        var known = marker ?? new DurableMarker(fileLength, 0, DurableMarkerFlags.None);
        var settled = fileLength >= known.Length
            && (known.Flags.HasFlag(DurableMarkerFlags.Exact) || fileLength == known.Length);
        return new SegmentExtent(
            known.Length, settled ? known.Length : fileLength, settled, known.Flags.HasFlag(DurableMarkerFlags.Sealed),
            known.AppendCount);
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes) => Crc32C.Compute(bytes[..28]);
}

/// <summary>What a marker tells besides the length.</summary>
[Flags]
internal enum DurableMarkerFlags : byte
{
    /// <summary>The segment is open, so its file may be longer than the marker says.</summary>
    None = 0,

    /// <summary>The segment takes no more appends.</summary>
    Sealed = 1,

    /// <summary>The segment ends exactly at the marker's length; anything behind it must be cut.</summary>
    Exact = 2,
}
