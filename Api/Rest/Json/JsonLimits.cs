namespace OrleansStream.Rest.Json;

/// <summary>The bounds of JSON texts.</summary>
internal static class JsonLimits
{
    /// <summary>
    /// The deepest nesting of a JSON value. Three less than 64, where most parsers stop, since an answer puts a value inside a
    /// record inside a list inside an object.
    /// </summary>
    public const int JsonValueDepthMax = 61;

    /// <summary>The deepest nesting of a request: a value's, and the envelope around it.</summary>
    public const int JsonDepthMax = JsonValueDepthMax + 3;
}
