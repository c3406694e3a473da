namespace OrleansStream.Rest.Json;

/// <summary>The bounds of JSON texts in requests and answers.</summary>
internal static class JsonLimits
{
    /// <summary>
    /// The deepest nesting of a JSON value. It is three less than 64, where most parsers stop, because an answer puts a value inside a record inside
    /// a list inside an object.
    /// </summary>
    public const int JsonValueDepthMax = 61;

    /// <summary>The deepest nesting of a request: that of a value, and of the envelope around it.</summary>
    public const int JsonDepthMax = JsonValueDepthMax + 3;

    /// <summary>From this length of a JSON answer on, in bytes, no further record is added. The next fetch goes on there.</summary>
    public const int ResponseBytesTarget = 8 * 1024 * 1024;

    /// <summary>
    /// An answer up to this length is left to the server, which sends it when the request ends. A longer one is flushed before that, so that its
    /// memory stays counted until its reader has taken it.
    /// </summary>
    public const int ResponseShortBytesMax = 64 * 1024;

    /// <summary>
    /// The bytes that gather before a part is sent. Each part wakes the reader, which costs more than the copy. An answer of some 250 records of
    /// 1 KiB is one part.
    /// </summary>
    public const int ResponseFlushBytes = 384 * 1024;

    /// <summary>
    /// The most bytes of a record, or of one of its fields, that are written to an answer at once. As JSON they are at most about twenty times as
    /// many, when every few bytes are a header.
    /// </summary>
    public const int ResponsePieceBytes = 16 * 1024;
}
