namespace OrleansStream.Rest.Json;

/// <summary>The bounds of JSON texts that come in, and of those that are answered.</summary>
internal static class JsonLimits
{
    /// <summary>
    /// The deepest nesting of a JSON value. Three less than 64, where most parsers stop, since an answer puts a value inside a
    /// record inside a list inside an object.
    /// </summary>
    public const int JsonValueDepthMax = 61;

    /// <summary>The deepest nesting of a request: a value's, and the envelope around it.</summary>
    public const int JsonDepthMax = JsonValueDepthMax + 3;

    /// <summary>The length of a JSON answer at which no further record is added, in bytes; the next fetch goes on from there.</summary>
    public const int ResponseBytesTarget = 8 * 1024 * 1024;

    /// <summary>The bytes of an answer that gather before they are sent.</summary>
    public const int ResponseFlushBytes = 64 * 1024;

    /// <summary>
    /// The bytes of a record, or of a field of it, that are written to an answer at once. As JSON that is at most some twenty times as much, where
    /// every few bytes are a header.
    /// </summary>
    public const int ResponsePieceBytes = 16 * 1024;
}
