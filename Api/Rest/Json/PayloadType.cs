namespace OrleansStream.Rest.Json;

/// <summary>The form in which the bytes of a key or value appear in JSON.</summary>
internal enum PayloadType : byte
{
    /// <summary>Chosen by the bytes. Only for reading.</summary>
    Auto,

    /// <summary>UTF-8 text, as a JSON string.</summary>
    String,

    /// <summary>JSON text, unchanged.</summary>
    Json,

    /// <summary>Any bytes, as base64 in a JSON string.</summary>
    Binary,
}

/// <summary>The names of these forms in requests and answers.</summary>
internal static class PayloadTypes
{
    /// <summary>The names that a request may use, for error messages.</summary>
    public const string Names = "\"string\", \"json\" or \"binary\"";

    /// <summary>Reads a name.</summary>
    /// <param name="name">The name, in UTF-8.</param>
    /// <param name="type">The type.</param>
    public static bool TryParse(ReadOnlySpan<byte> name, out PayloadType type)
    {
        type = name switch
        {
            _ when name.SequenceEqual("string"u8) => PayloadType.String,
            _ when name.SequenceEqual("json"u8) => PayloadType.Json,
            _ when name.SequenceEqual("binary"u8) => PayloadType.Binary,
            _ => PayloadType.Auto,
        };
        return type != PayloadType.Auto;
    }
}
