using System.Buffers.Binary;
using OrleansStream.Records;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// What the small file beside a segment says of it: up to where its bytes were durable when an append was last reported.
/// </summary>
/// <remarks>
/// 32 bytes, little-endian, overwritten in place: <c>OSDM</c>, version u8, flags u8, zero u16, length i64, append count
/// i32, zero u64, CRC-32C u32 of all before. It is written after the data is synced and before the append is reported,
/// but is itself not synced: it outlives a killed process, and after a power loss it can only lag behind, never lead.
/// The kernel writes it back within its usual half a minute.
/// </remarks>
/// <param name="Length">Every byte below was durable.</param>
/// <param name="AppendCount">The appends the segment took.</param>
/// <param name="Flags">What else is certain.</param>
internal readonly record struct DurableMarker(long Length, int AppendCount, DurableMarkerFlags Flags)
{
    /// <summary>The bytes of a marker.</summary>
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
    /// <returns>Null when the bytes are none: damaged, or of a version this program does not know.</returns>
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

    /// <summary>Reads what a marker's file holds.</summary>
    /// <param name="bytes">The file's bytes; none when it is missing.</param>
    /// <returns>
    /// A marker that vouches for nothing when the file is missing or empty, as after a power loss before it was first written back; null
    /// when it is damaged: nobody knows then what was durable.
    /// </returns>
    public static DurableMarker? OfFile(ReadOnlySpan<byte> bytes) =>
        bytes.ContainsAnyExcept((byte)0) ? Read(bytes) : default(DurableMarker);

    /// <summary>Where a segment ends, by its marker and its file's length.</summary>
    /// <param name="marker">What <see cref="OfFile"/> gave. A damaged one leaves the whole file vouched for, so that nothing is cut.</param>
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

/// <summary>What a marker says beside the length.</summary>
[Flags]
internal enum DurableMarkerFlags : byte
{
    /// <summary>The segment is open, so its file may hold more than the marker knows of.</summary>
    None = 0,

    /// <summary>The segment takes no more appends.</summary>
    Sealed = 1,

    /// <summary>The segment ends at the marker's length for certain; anything behind is to be cut.</summary>
    Exact = 2,
}
