using OrleansStream.Topics;

namespace OrleansStream.Rest.Http;

/// <summary>The bounds of every request and answer. A request over a bound gets an error that names the bound.</summary>
internal static class HttpLimits
{
    /// <summary>
    /// The longest request body, in bytes, also after its <c>Content-Encoding</c> was decoded. It does not apply to ndjson streams.
    /// </summary>
    public const int RequestBytesMax = TopicLimits.RequestBytesMax;

    /// <summary>
    /// The longest body, in bytes, that is read to its end although it is refused. A client that still sends would otherwise see a broken connection
    /// instead of the error. Above this the connection is cut.
    /// </summary>
    public const int RequestBytesDrainedMax = 4 * RequestBytesMax;

    /// <summary>
    /// How long the rest of a body is read after the answer that refuses it. Many clients, among them .NET's, look for an answer only after they have
    /// sent their whole body. After this time the connection is cut.
    /// </summary>
    public static readonly TimeSpan RequestDrainTimeMax = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The memory, in bytes, that a body gets because its length was announced. Above it, the body gets as many more bytes as have come. Announcing
    /// a large body costs its sender nothing, so it must not reserve memory.
    /// </summary>
    public const int BodyBytesAhead = 64 * 1024;

    /// <summary>
    /// How often <see cref="SenderWatch"/> checks the progress of a body, or of a line of a stream, that is held in memory until it is whole. The
    /// server's own bound is an average over the whole body, so the sender of a large one could stall for hours.
    /// </summary>
    public static readonly TimeSpan BodyLook = TimeSpan.FromSeconds(60);

    /// <summary>The bytes of a large body that must come between two checks: 4 KiB a second.</summary>
    public const int BodyBytesPerLook = 240 * 1024;

    /// <summary>The bytes of a stream that are charged to a quota at a time.</summary>
    public const int MeteredReadBytes = 64 * 1024;

    /// <summary>The longest request line, in bytes: the method, the path with its query, and the version. Most servers have the same bound.</summary>
    public const int RequestLineBytesMax = 8 * 1024;

    /// <summary>The most bytes of a request's headers: the longest resume token of a live tail, and room for other headers.</summary>
    public const int RequestHeaderBytesMax = 40 * 1024;

    /// <summary>The most headers of a request: those of a record, and as many others.</summary>
    public const int RequestHeadersMax = 200;

    /// <summary>
    /// The bytes that a reader must take in each <see cref="AnswerWriteMax"/> of time that writes waited for it, while more than half of the node's
    /// memory for answers is taken: 64 KiB a second. A slower reader is cut then, because it holds memory that others are about to need.
    /// </summary>
    public const int AnswerBytesPerWaitWhenHalfTaken = 60 * 64 * 1024;

    /// <summary>
    /// How long a write of an answer may take for each <see cref="AnswerWriteBytes"/> or part of that, before its reader counts as stalled and the
    /// connection is cut. Readers that pause do so for seconds. The server's own bound is an average over everything ever written to a connection, so
    /// a reader that has read much could stall for hours.
    /// </summary>
    public static readonly TimeSpan AnswerWriteMax = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The bytes of an answer that are written at once. A longer write is made in parts, so that the progress of a slow reader is seen: 4 KiB a
    /// second is enough.
    /// </summary>
    public const int AnswerWriteBytes = 256 * 1024;

    /// <summary>The bytes of an answer that are written at once to a reader that took its last long write within <see cref="QuickAnswerWriteMax"/>.</summary>
    public const int QuickAnswerWriteBytes = 1024 * 1024;

    /// <summary>How long a reader may take for a long write, and be trusted with <see cref="QuickAnswerWriteBytes"/> the next time.</summary>
    public static readonly TimeSpan QuickAnswerWriteMax = TimeSpan.FromSeconds(1);
}
