using OrleansStream.Topics;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>The bounds of bodies with a content coding.</summary>
internal static class CodingLimits
{
    /// <summary>
    /// Above <see cref="TopicLimits.RequestBytesMax"/> a body may decompress to at most this many times its length, so that the cost of a few bytes
    /// is bounded. It is the bound of Apache's httpd (<c>DeflateInflateRatioLimit</c>); JSON logs seldom reach 50.
    /// </summary>
    public const int UnfoldingRatioMax = 200;

    /// <summary>The bytes of a body in brotli or zstd that are read at a time.</summary>
    public const int DecodingInputBytes = 16 * 1024;

    /// <summary>The bytes of its latest output that a decoder of gzip or deflate keeps (RFC 1951).</summary>
    public const int DeflateWindowBytes = 32 * 1024;

    /// <summary>The most bytes of its latest output that a decoder of brotli keeps: the largest window (RFC 7932, section 9.1).</summary>
    public const int BrotliWindowBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// The base-2 logarithm of the most bytes of its latest output that a decoder of zstd keeps: 8 MiB, the bound of RFC 9659 for the content coding.
    /// A body with a larger window is refused.
    /// </summary>
    public const int ZstdWindowLogMax = 23;
}
