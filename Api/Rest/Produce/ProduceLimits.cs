using OrleansStream.Rest.Http;

namespace OrleansStream.Rest.Produce;

/// <summary>The bounds of requests that produce.</summary>
internal static class ProduceLimits
{
    /// <summary>What an ndjson stream counts for while lines are there: the chunk that is appended, the next one, and room for lines.</summary>
    public const int NdjsonBytesInFlight = 2 * NdjsonChunkBytes;

    /// <summary>What an ndjson stream counts for while it waits for lines: it may do so for days, and a node has thousands of them.</summary>
    public const int NdjsonBytesAtRest = 16 * 1024;

    /// <summary>The longest body that names a producer, in bytes.</summary>
    public const int ProducerBodyBytesMax = 1024;

    /// <summary>The most records in one request; an ndjson stream may have any count.</summary>
    public const int RecordsPerRequestMax = 100_000;

    /// <summary>
    /// The results of an ndjson stream that are kept until its end, at 24 bytes each, so that its status can tell of them. With more they are
    /// sent while the records come, and the client must read them while it sends.
    /// </summary>
    public const int NdjsonResultsKeptMax = 100_000;

    /// <summary>
    /// The bytes of errors among these results at which they are sent, too: each line may have one of its own, and a few hundred bytes of them.
    /// </summary>
    public const int NdjsonErrorBytesKeptMax = 1024 * 1024;

    /// <summary>The longest line of an ndjson body, in bytes: the largest record, with room for base64 and escapes.</summary>
    public const int NdjsonLineBytesMax = 8 * 1024 * 1024;

    /// <summary>The bytes of an ndjson body that are read at a time.</summary>
    public const int NdjsonReadBytes = 64 * 1024;

    /// <summary>
    /// The bytes of blank lines that an ndjson stream may hold beyond the bytes of its other lines: years of a line break every minute. Compressed,
    /// blank lines cost next to nothing to send.
    /// </summary>
    public const int NdjsonBlankBytesMax = 1024 * 1024;

    /// <summary>
    /// The malformed lines that an ndjson stream may hold beyond its well-formed ones. Each has an answer many times its length, so a stream of them
    /// is stopped.
    /// </summary>
    public const int NdjsonMalformedLinesMax = 10_000;

    /// <summary>The encoded bytes at which an ndjson stream's records are appended although more are there.</summary>
    public const int NdjsonChunkBytes = 1024 * 1024;

    /// <summary>
    /// The encoded bytes at which a new batch is started. Well under the codec's bound for one batch, so that the log can gather
    /// several into one write.
    /// </summary>
    public const int BatchBytesTarget = 1024 * 1024;

    /// <summary>The most headers of one record: a request has room for as many others.</summary>
    public const int RecordHeadersMax = HttpLimits.RequestHeadersMax / 2;
}
