using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body in gzip (RFC 1952): one member or several, each with its checksum and length.</summary>
/// <remarks>
/// <see cref="GZipStream"/> checks each member, but does not tell whether its input ended with a member. So it gets one more member, the mark, after
/// the body's last byte. The mark is decoded as itself only after whole members and nothing else. In a member that is cut off, the mark's bytes are
/// read as the rest of that member; after other bytes the mark is never reached.
/// </remarks>
internal sealed class GzipBody : DecodedBody
{
    private readonly MarkedBody _marked;
    private readonly GZipStream _gzip;

    /// <summary>Starts to read a body.</summary>
    /// <param name="body">The body as it came.</param>
    public GzipBody(Stream body)
        : base(body, "gzip", CodingLimits.DeflateWindowBytes)
    {
        _marked = new MarkedBody(this);
        _gzip = new GZipStream(_marked, CompressionMode.Decompress);
    }

    // The mark is random, so that no sender can end a body with it. It has the same digits twice, so that gzip compresses it and does not store it as
    // it is: in a stored block that is cut off, the bytes of the mark's member are output unchanged, and must not look like the mark.
    private static byte[] Mark { get; } = MakeMark();

    private static byte[] MarkMember { get; } = MakeMember(Mark);

    /// <inheritdoc/>
    protected override async ValueTask<int> DecodeAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await _gzip.ReadAsync(buffer, cancellationToken);
        if (!_marked.IsAtMark)
            return read > 0 ? read : throw FollowedByOthers();
        if (_marked.IsBodyEmpty)
            throw CutOff();
        // The stream asks for more input only after it has output everything before. So these bytes are the mark's.
        var rest = new byte[Mark.Length + 1];
        buffer[..Math.Min(read, rest.Length)].CopyTo(rest);
        var length = Math.Min(read, rest.Length);
        while (length < rest.Length && (read = await _gzip.ReadAsync(rest.AsMemory(length), cancellationToken)) > 0)
            length += read;
        return rest.AsSpan(0, length).SequenceEqual(Mark) ? 0 : throw CutOff();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _gzip.Dispose();
        base.Dispose(disposing);
    }

    // A secret: a client that could guess it could end its body by it, and have a body that was cut off taken for a whole one.
    private static byte[] MakeMark() => Encoding.ASCII.GetBytes(RandomNumberGenerator.GetHexString(64, lowercase: true));

    private static byte[] MakeMember(byte[] content)
    {
        using var member = new MemoryStream();
        using (var gzip = new GZipStream(member, CompressionLevel.SmallestSize))
            gzip.Write(content);
        return member.ToArray();
    }

    /// <summary>The body without decoding, followed by the mark's member.</summary>
    private sealed class MarkedBody(GzipBody owner) : BodyStream
    {
        private int _markBytesRead;
        private bool _hasBytes;

        public bool IsAtMark { get; private set; }

        public bool IsBodyEmpty => !_hasBytes;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!IsAtMark && await owner.ReadBodyAsync(buffer, cancellationToken) is > 0 and var read)
            {
                _hasBytes = true;
                return read;
            }

            IsAtMark = true;
            var length = Math.Min(buffer.Length, MarkMember.Length - _markBytesRead);
            MarkMember.AsMemory(_markBytesRead, length).CopyTo(buffer);
            _markBytesRead += length;
            return length;
        }
    }
}
