using System.Buffers;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>A body in zstd (RFC 8878): one frame or several, with checksums if they have them.</summary>
internal sealed class ZstdBody : SteppedBody
{
    private readonly Decompressor _decompressor = new();

    /// <summary>Starts to read a body.</summary>
    /// <param name="body">The body as it came.</param>
    public ZstdBody(Stream body)
        : base(body, "zstd", 1 << CodingLimits.ZstdWindowLogMax, maySeveralFollow: true)
    {
        _decompressor.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, CodingLimits.ZstdWindowLogMax);
    }

    /// <inheritdoc/>
    protected override OperationStatus Step(ReadOnlySpan<byte> source, Span<byte> destination, out int bytesConsumed, out int bytesWritten) =>
        _decompressor.UnwrapStream(source, destination, out bytesConsumed, out bytesWritten);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _decompressor.Dispose();
        base.Dispose(disposing);
    }
}
