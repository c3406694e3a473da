using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of ApiVersions, versions 0 to 3: what the client may ask for.</summary>
/// <param name="SoftwareName">The name of the client's library, from version 3 on; else null.</param>
/// <param name="SoftwareVersion">Its version, from version 3 on; else null.</param>
/// <remarks>Source: KIP-35, KIP-511; KIP-482 leaves the answer's header in the old form, since who asks knows no version yet.</remarks>
internal readonly record struct ApiVersionsRequest(string? SoftwareName, string? SoftwareVersion)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.ApiVersions, Min: 0, Max: 3, FirstFlexible: 3);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    /// <param name="version">The request's version, which decides the fields of its body.</param>
    public static ApiVersionsRequest Read(WireReader reader, short version)
    {
        var name = version >= 3 ? reader.ReadString() : null;
        var softwareVersion = version >= 3 ? reader.ReadString() : null;
        reader.SkipTags();
        return new ApiVersionsRequest(name, softwareVersion);
    }
}

/// <summary>The answer to ApiVersions.</summary>
/// <param name="Error">What is wrong.</param>
/// <param name="Apis">The APIs and their versions.</param>
internal readonly record struct ApiVersionsAnswer(KafkaError Error, IReadOnlyList<ApiRange> Apis)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version; 0 where that is not served.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteErrorCode((short)Error);
        answer.WriteArrayLength(Apis.Count);
        foreach (var api in Apis)
        {
            answer.WriteInt16((short)api.Key);
            answer.WriteInt16(api.Min);
            answer.WriteInt16(api.Max);
            answer.WriteNoTags();
        }

        if (version >= 1)
            answer.WriteThrottleTime();
        answer.WriteNoTags();
    }
}
