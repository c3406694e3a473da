using OrleansStream.Topics;

namespace OrleansStream.Rest.Http;

/// <summary>The bounds of every request and answer. A request over one is answered with an error that names the bound.</summary>
internal static class HttpLimits
{
    /// <summary>The longest request body, in bytes, also after its <c>Content-Encoding</c> is undone. Not for ndjson streams.</summary>
    public const int RequestBytesMax = TopicLimits.RequestBytesMax;

    /// <summary>
    /// The longest body that is read to its end, in bytes, though it is refused: a client that is still sending would see a broken
    /// connection in place of the error. Beyond this the connection is cut.
    /// </summary>
    public const int RequestBytesDrainedMax = 4 * RequestBytesMax;

    /// <summary>
    /// How long the rest of a body is read off behind the answer that refuses it. Many clients, .NET's among them, look for an answer only once
    /// they have sent their whole body. Beyond this the connection is cut.
    /// </summary>
    public static readonly TimeSpan RequestDrainTimeMax = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The memory, in bytes, that a body gets for having been announced; beyond it, it gets as much again as has come. To announce much costs its
    /// sender nothing, so it gets its sender nothing.
    /// </summary>
    public const int BodyBytesAhead = 64 * 1024;

    /// <summary>
    /// How often a body, or a line of a stream, that is held until it is whole is looked at (<see cref="SenderWatch"/>). The server's own bound is a
    /// pace over all that came of the body, so the sender of a large one may stand still for hours.
    /// </summary>
    public static readonly TimeSpan BodyLook = TimeSpan.FromSeconds(60);

    /// <summary>What has to come of a large body between two looks, in bytes: 4 KiB a second.</summary>
    public const int BodyBytesPerLook = 240 * 1024;

    /// <summary>The bytes of a stream that are held to a quota at a time.</summary>
    public const int MeteredReadBytes = 64 * 1024;

    /// <summary>The longest request line, in bytes: the method, the path with its query, and the version. As most servers have it.</summary>
    public const int RequestLineBytesMax = 8 * 1024;

    /// <summary>The most bytes of a request's headers: a live tail's longest resume token, with room for others.</summary>
    public const int RequestHeaderBytesMax = 40 * 1024;

    /// <summary>The most headers of a request: those of a record, and as many others.</summary>
    public const int RequestHeadersMax = 200;

    /// <summary>
    /// What a reader has to take in a time of <see cref="AnswerWriteMax"/> that writes waited for it, in bytes, while more than half of the node's
    /// memory for answers is taken: 64 KiB a second. Who is slower is cut then, as it holds what others are about to need.
    /// </summary>
    public const int AnswerBytesPerWaitWhenHalfTaken = 60 * 64 * 1024;

    /// <summary>
    /// How long a write of an answer may take, for each <see cref="AnswerWriteBytes"/> of it or a part of that, before its reader counts as standing
    /// still and the connection is cut. Readers that pause do so for seconds. The server's own bound is a pace over all that was
    /// ever written to a connection, so one that has read much may stand still for hours.
    /// </summary>
    public static readonly TimeSpan AnswerWriteMax = TimeSpan.FromSeconds(60);

    /// <summary>The bytes of an answer that are written at once; a longer write is made in parts, so that a slow reader is seen to go on: 4 KiB a second is enough.</summary>
    public const int AnswerWriteBytes = 256 * 1024;
}
