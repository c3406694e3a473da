using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Messages;

/// <summary>A request of SaslAuthenticate, versions 0 to 2: a message of the mechanism (KIP-152).</summary>
/// <param name="Token">The message. It holds a secret.</param>
/// <remarks>Version 1 tells how long the client is signed in (KIP-368), 2 is the first flexible one.</remarks>
internal readonly record struct SaslAuthenticateRequest(ReadOnlyMemory<byte> Token)
{
    /// <summary>The versions.</summary>
    public static readonly ApiRange Api = new(ApiKey.SaslAuthenticate, Min: 0, Max: 2, FirstFlexible: 2);

    /// <summary>Reads a request.</summary>
    /// <param name="reader">Reads the body.</param>
    public static SaslAuthenticateRequest Read(WireReader reader)
    {
        var token = reader.ReadBytes();
        reader.SkipTags();
        return new SaslAuthenticateRequest(token);
    }
}

/// <summary>The answer to SaslAuthenticate. Neither mechanism has a message of its own for it.</summary>
/// <param name="Error">Why the client is not signed in.</param>
/// <param name="Detail">Why, for people; null when it is.</param>
/// <param name="LifetimeMs">After how many milliseconds it must sign in again; 0 for never.</param>
internal readonly record struct SaslAuthenticateAnswer(KafkaError Error, string? Detail, long LifetimeMs)
{
    /// <summary>Writes it.</summary>
    /// <param name="answer">Takes the bytes of the answer.</param>
    /// <param name="version">The request's version.</param>
    public void Write(WireWriter answer, short version)
    {
        answer.WriteErrorCode((short)Error);
        answer.WriteString(Detail);
        answer.WriteBytes([]);
        if (version >= 1)
            answer.WriteInt64(LifetimeMs);
        answer.WriteNoTags();
    }
}
