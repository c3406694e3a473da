using OrleansStream.Topics;

namespace OrleansStream.Rest.Http.Codings;

/// <summary>The bounds of bodies that are unfolded.</summary>
internal static class CodingLimits
{
    /// <summary>
    /// How many times its length a body may unfold to once it is beyond <see cref="TopicLimits.RequestBytesMax"/>: what a few bytes may cost is bounded. It is
    /// what Apache's httpd takes (<c>DeflateInflateRatioLimit</c>); JSON logs seldom reach 50.
    /// </summary>
    public const int UnfoldingRatioMax = 200;

    /// <summary>The bytes of a body in brotli or zstd that are read at a time.</summary>
    public const int DecodingInputBytes = 16 * 1024;

    /// <summary>What a decoder of gzip or deflate keeps of what was unfolded last, in bytes (RFC 1951).</summary>
    public const int DeflateWindowBytes = 32 * 1024;

    /// <summary>The most that a decoder of brotli keeps of what was unfolded last, in bytes: the largest window there is (RFC 7932, section 9.1).</summary>
    public const int BrotliWindowBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// The base-2 logarithm of the most that a decoder of zstd keeps of what was unfolded last, in bytes: 8 MiB, as RFC 9659 has it for the content
    /// coding. A body with a larger window is refused.
    /// </summary>
    public const int ZstdWindowLogMax = 23;
}
