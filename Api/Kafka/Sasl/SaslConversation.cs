namespace OrleansStream.Kafka.Sasl;

/// <summary>The state of a connection's sign-in.</summary>
internal sealed class SaslConversation
{
    /// <summary>The mechanism of the last handshake, whose message is expected; null for none.</summary>
    public string? Mechanism { get; set; }
}
