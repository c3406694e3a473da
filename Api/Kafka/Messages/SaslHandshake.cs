using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of SaslHandshake, versions 0 and 1: by which mechanism the client signs in.</summary>
/// <param name="Mechanism">The mechanism's name.</param>
/// <remarks>
/// Behind version 0 the mechanism's own messages follow without any header (KIP-43), behind version 1 in requests of SaslAuthenticate (KIP-152).
/// </remarks>
internal readonly record struct SaslHandshakeRequest(string Mechanism)
{
    /// <summary>The versions; none is flexible.</summary>
    public static readonly ApiRange Api = new(ApiKey.SaslHandshake, Min: 0, Max: 1, FirstFlexible: short.MaxValue);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static SaslHandshakeRequest Read(WireReader reader) => new(reader.ReadString());
}

/// <summary>The answer to SaslHandshake.</summary>
/// <param name="Error">Why the mechanism is not taken.</param>
/// <param name="Mechanisms">Those that are.</param>
internal readonly record struct SaslHandshakeAnswer(KafkaError Error, IReadOnlyList<string> Mechanisms)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    public void Write(WireWriter answer)
    {
        answer.WriteErrorCode((short)Error);
        answer.WriteArrayLength(Mechanisms.Count);
        foreach (var mechanism in Mechanisms)
            answer.WriteString(mechanism);
    }
}
