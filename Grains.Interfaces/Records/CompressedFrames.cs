using System.Buffers.Binary;
using System.IO.Hashing;
using ZstdSharp.Unsafe;

namespace OrleansStream.Records;

/// <summary>Finds the length of the first frame of compressed data, without decompressing it.</summary>
internal static class CompressedFrames
{
    private const uint Lz4Magic = 0x184d2204;
    private const int Lz4DescriptorPosition = 4, Lz4DescriptorLengthBytesMin = 2;
    private const byte HasDictionaryId = 1, HasContentChecksum = 4, HasContentSize = 8, HasBlockChecksums = 16;

    /// <summary>The length in bytes of the LZ4 frame at the start of some bytes.</summary>
    /// <remarks>Source: the LZ4 frame format, version 1.6.</remarks>
    /// <exception cref="InvalidDataException">The bytes do not start with a whole frame.</exception>
    public static int Lz4LengthBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < Lz4DescriptorPosition + Lz4DescriptorLengthBytesMin || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != Lz4Magic)
            throw new InvalidDataException("The bytes do not begin with an LZ4 frame.");
        var flags = bytes[Lz4DescriptorPosition];
        long position = Lz4DescriptorPosition + Lz4DescriptorLengthBytesMin + ((flags & HasContentSize) != 0 ? sizeof(ulong) : 0)
            + ((flags & HasDictionaryId) != 0 ? sizeof(uint) : 0) + 1;
        while (true)
        {
            if (position > bytes.Length - sizeof(uint))
                throw new InvalidDataException("An LZ4 frame is cut off.");
            var length = (int)(BinaryPrimitives.ReadUInt32LittleEndian(bytes[(int)position..]) & int.MaxValue);
            position += sizeof(uint);
            if (length == 0)
                break;
            position += length + ((flags & HasBlockChecksums) != 0 ? sizeof(uint) : 0);
        }

        position += (flags & HasContentChecksum) != 0 ? sizeof(uint) : 0;
        return position <= bytes.Length ? (int)position : throw new InvalidDataException("An LZ4 frame is cut off.");
    }

    /// <summary>Adds the size of its content to an LZ4 frame, which the encoder cannot do. Readers can then allocate their memory at once.</summary>
    /// <param name="destination">The buffer that ends with the frame. The frame's header has neither a content size nor a dictionary.</param>
    /// <param name="start">The frame's position.</param>
    /// <param name="contentBytes">The size of its content in bytes.</param>
    public static void AddLz4ContentSize(PooledBuffer destination, int start, int contentBytes)
    {
        const int SizePosition = Lz4DescriptorPosition + Lz4DescriptorLengthBytesMin;
        var length = destination.Length - start;
        destination.Take(sizeof(ulong));
        var frame = destination.Written[start..];
        frame[SizePosition..length].CopyTo(frame[(SizePosition + sizeof(ulong))..]);
        frame[Lz4DescriptorPosition] |= HasContentSize;
        BinaryPrimitives.WriteInt64LittleEndian(frame[SizePosition..], contentBytes);
        // The checksum of the descriptor is the second byte of its xxHash.
        frame[SizePosition + sizeof(ulong)] = (byte)(XxHash32.HashToUInt32(frame[Lz4DescriptorPosition..(SizePosition + sizeof(ulong))]) >> 8);
    }

    /// <summary>The length in bytes of the Zstandard frame, or skippable frame, at the start of some bytes.</summary>
    /// <remarks>Source: RFC 8878.</remarks>
    /// <exception cref="InvalidDataException">The bytes do not start with a whole frame.</exception>
    public static unsafe int ZstdLengthBytes(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            var length = Methods.ZSTD_findFrameCompressedSize(start, (nuint)bytes.Length);
            return Methods.ZSTD_isError(length) || length > (nuint)bytes.Length
                ? throw new InvalidDataException("The bytes do not begin with a whole Zstandard frame.")
                : (int)length;
        }
    }
}
