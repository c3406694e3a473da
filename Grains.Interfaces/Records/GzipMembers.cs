using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;

namespace OrleansStream.Records;

/// <summary>
/// Decompresses gzip member by member, and checks every byte: a member that is cut off, a wrong checksum or length, and bytes behind the last member
/// are errors. <see cref="GZipStream"/> ignores all three.
/// </summary>
/// <remarks>Source: RFC 1952.</remarks>
internal static class GzipMembers
{
    private const int HeaderLengthBytesMin = 10, TrailerLengthBytes = 8;

    // More than a trailer, so that no trailer lies in a piece of several bytes that reaches the end.
    private const int TailLengthBytes = 32;

    private const byte HasHeaderChecksum = 2, HasExtraField = 4, HasName = 8, HasComment = 16, Reserved = 0xe0;

    private static ReadOnlySpan<byte> Start => [0x1f, 0x8b, 8];

    /// <summary>Decompresses all members in a row.</summary>
    /// <param name="compressed">Members back to back.</param>
    /// <param name="destination">The buffer to which the decompressed bytes are added.</param>
    /// <returns>The count of members.</returns>
    /// <exception cref="InvalidDataException">The bytes are not whole members and nothing else.</exception>
    public static int Decompress(ReadOnlySpan<byte> compressed, PooledBuffer destination)
    {
        Span<byte> trailer = stackalloc byte[TrailerLengthBytes];
        var members = 0;
        do
        {
            var body = compressed[HeaderLengthBytes(compressed)..];
            var start = destination.Length;
            var end = Inflate(body, destination);
            var unfolded = destination.WrittenSpan[start..];
            BinaryPrimitives.WriteUInt32LittleEndian(trailer, Crc32.HashToUInt32(unfolded));
            BinaryPrimitives.WriteInt32LittleEndian(trailer[4..], unfolded.Length);
            compressed = BehindTrailer(body, end, trailer);
            if (++members > RecordLimits.GzipMembersMax)
                throw new InvalidDataException($"There are more than {RecordLimits.GzipMembersMax} gzip members.");
        }
        while (!compressed.IsEmpty);
        return members;
    }

    private static int HeaderLengthBytes(ReadOnlySpan<byte> member)
    {
        if (member.Length < HeaderLengthBytesMin || !member.StartsWith(Start) || (member[3] & Reserved) != 0)
            throw new InvalidDataException("A gzip member does not begin as it must.");
        var flags = member[3];
        var length = HeaderLengthBytesMin;
        if ((flags & HasExtraField) != 0)
            length += sizeof(ushort) + BinaryPrimitives.ReadUInt16LittleEndian(member[length..]);
        if ((flags & HasName) != 0)
            length = BehindText(member, length);
        if ((flags & HasComment) != 0)
            length = BehindText(member, length);
        return (flags & HasHeaderChecksum) != 0 ? length + sizeof(ushort) : length;
    }

    private static int BehindText(ReadOnlySpan<byte> member, int position)
    {
        var length = member[position..].IndexOf((byte)0);
        return length < 0 ? throw new InvalidDataException("A gzip header ends within a name or comment.") : position + length + 1;
    }

    /// <summary>
    /// Inflates up to the end of the compressed data. <see cref="DeflateStream"/> does not tell that end exactly; it lies in the piece that was asked
    /// for last, which is returned.
    /// </summary>
    private static unsafe Range Inflate(ReadOnlySpan<byte> body, PooledBuffer destination)
    {
        fixed (byte* start = body)
        {
            using var source = new PieceStream(start, body.Length);
            using var deflate = new DeflateStream(source, CompressionMode.Decompress);
            // Only the first request is for a whole step; near the bound such a request would double the memory in vain.
            var read = deflate.Read(destination.GetSpan(RecordLimits.DecompressStepBytes));
            while (read > 0)
            {
                destination.Advance(read);
                read = deflate.Read(destination.GetSpan());
            }

            return source.LastPieceStart..source.LastPieceEnd;
        }
    }

    /// <summary>The bytes behind a member. The member's end is found by its checksum and length.</summary>
    private static ReadOnlySpan<byte> BehindTrailer(ReadOnlySpan<byte> body, Range end, scoped ReadOnlySpan<byte> trailer)
    {
        // The last bytes are read one by one, so the end of the last member is known exactly.
        var first = end.End.Value - end.Start.Value > 1 ? Math.Max(0, end.Start.Value - TrailerLengthBytes) : end.End.Value;
        var last = Math.Min(end.End.Value, body.Length - TrailerLengthBytes);
        for (var at = first; at <= last; at++)
        {
            var found = body[at..(last + TrailerLengthBytes)].IndexOf(trailer);
            if (found < 0)
                break;
            at += found;
            var rest = body[(at + TrailerLengthBytes)..];
            if (rest.IsEmpty || rest.StartsWith(Start))
                return rest;
        }

        throw new InvalidDataException("A gzip member is cut off, its checksum or length is wrong, or bytes follow it.");
    }

    private sealed unsafe class PieceStream(byte* bytes, long length) : UnmanagedMemoryStream(bytes, length)
    {
        public int LastPieceStart { get; private set; }

        public int LastPieceEnd { get; private set; }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var start = (int)Position;
            var read = base.Read(buffer, offset, Math.Min(count, Math.Max(1, (int)(Length - Position) - TailLengthBytes)));
            if (read > 0)
                (LastPieceStart, LastPieceEnd) = (start, start + read);
            return read;
        }
    }
}
