using System.IO.Compression;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body in the zlib format (RFC 1950), which is what HTTP calls <c>deflate</c> (RFC 9110, section 8.4.1.2), with its checksum.</summary>
/// <remarks>
/// <see cref="ZLibStream"/> does not tell whether its input ended together with the data. So the body's last byte is passed to it separately. It asks
/// for that byte exactly when the data does not end before the byte, and for more exactly when the data does not end with the byte.
/// </remarks>
internal sealed class DeflateBody : DecodedBody
{
    private readonly LastByteApart _input;
    private readonly ZLibStream _zlib;

    /// <summary>Starts to read a body.</summary>
    /// <param name="body">The body as it came.</param>
    public DeflateBody(Stream body)
        : base(body, "deflate", CodingLimits.DeflateWindowBytes)
    {
        _input = new LastByteApart(this);
        _zlib = new ZLibStream(_input, CompressionMode.Decompress);
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> DecodeAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var read = await _zlib.ReadAsync(buffer, cancellationToken);
        if (read > 0)
            return read;
        if (_input.IsOverread)
            throw CutOff();
        return _input.IsLastByteRead ? 0 : throw FollowedByOthers();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _zlib.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>The body without decoding, delayed by one byte, so that its last byte is read separately.</summary>
    private sealed class LastByteApart(DeflateBody owner) : BodyStream
    {
        private readonly byte[] _heldBack = new byte[1];
        private bool _isHolding;

        public bool IsLastByteRead { get; private set; }

        public bool IsOverread { get; private set; }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = 0;
            while (count == 0 && !IsLastByteRead)
            {
                var read = await owner.ReadBodyAsync(buffer, cancellationToken);
                if (read == 0 && !_isHolding)
                    break;
                if (read == 0)
                {
                    IsLastByteRead = true;
                    _heldBack.CopyTo(buffer);
                    return 1;
                }

                count = HoldBackLast(buffer.Span[..read]);
            }

            IsOverread |= count == 0;
            return count;
        }

        // Puts the byte that was held back before these bytes, and holds back their last one.
        private int HoldBackLast(Span<byte> bytes)
        {
            var last = bytes[^1];
            var count = bytes.Length - 1;
            if (_isHolding)
            {
                bytes[..^1].CopyTo(bytes[1..]);
                bytes[0] = _heldBack[0];
                count++;
            }

            _heldBack[0] = last;
            _isHolding = true;
            return count;
        }
    }
}
