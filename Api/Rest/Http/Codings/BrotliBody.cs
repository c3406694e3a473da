using System.Buffers;
using System.IO.Compression;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body in brotli (RFC 7932), which is one stream without a checksum.</summary>
/// <param name="body">The body as it came.</param>
internal sealed class BrotliBody(Stream body) : SteppedBody(body, "br", CodingLimits.BrotliWindowBytesMax, maySeveralFollow: false)
{
    private BrotliDecoder _decoder;

    /// <inheritdoc/>
    protected override OperationStatus Step(ReadOnlySpan<byte> source, Span<byte> destination, out int bytesConsumed, out int bytesWritten) =>
        _decoder.Decompress(source, destination, out bytesConsumed, out bytesWritten);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        _decoder.Dispose();
        base.Dispose(disposing);
    }
}
