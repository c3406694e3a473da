using Microsoft.AspNetCore.ResponseCompression;
using ZstdSharp;

namespace OrleansStream.Rest.Http;

/// <summary>Encodes answers with zstd (RFC 8878) for callers that accept it.</summary>
internal sealed class ZstdCompressionProvider : ICompressionProvider
{
    // Level 1, because answers are made once and read once, so CPU time costs more than the last few bytes.
    private const int Level = 1;

    /// <inheritdoc/>
    public string EncodingName => "zstd";

    /// <inheritdoc/>
    public bool SupportsFlush => true;

    /// <inheritdoc/>
    public Stream CreateStream(Stream outputStream) => new CompressionStream(outputStream, Level, leaveOpen: true);
}
