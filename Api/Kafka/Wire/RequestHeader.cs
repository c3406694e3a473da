namespace OrleansStream.Kafka.Wire;

/// <summary>What every request begins with.</summary>
/// <param name="Key">The API's number, also of one that there is not.</param>
/// <param name="Version">The version, also of one that is not served.</param>
/// <param name="CorrelationId">What the client knows the answer by.</param>
internal readonly record struct RequestHeader(ApiKey Key, short Version, int CorrelationId)
{
    /// <summary>Reads the part that is the same in all versions.</summary>
    /// <param name="reader">Stands at the start of a frame.</param>
    /// <exception cref="MalformedFrameException">The frame is shorter.</exception>
    public static RequestHeader Read(ref WireReader reader) => new((ApiKey)reader.ReadInt16(), reader.ReadInt16(), reader.ReadInt32());

    /// <summary>Reads the rest, to which versions differ.</summary>
    /// <param name="reader">Stands behind what <see cref="Read"/> read.</param>
    /// <param name="isFlexible">
    /// Whether the version is a flexible one: then tagged fields follow, while the client's id is a text of the old form.
    /// </param>
    /// <returns>The client's id; null when it gives none.</returns>
    /// <exception cref="MalformedFrameException">The bytes are no header.</exception>
    public static string? ReadClientId(ref WireReader reader, bool isFlexible)
    {
        var clientId = reader.ReadNullableString();
        if (!isFlexible)
            return clientId;
        for (var left = reader.ReadUnsignedVarint(); left > 0; left--)
            reader.ReadTag(out _);
        return clientId;
    }
}
