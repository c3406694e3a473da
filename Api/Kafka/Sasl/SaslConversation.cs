namespace OrleansStream.Kafka.Sasl;

/// <summary>How far a connection has come with signing in.</summary>
internal sealed class SaslConversation
{
    /// <summary>The mechanism that was agreed on, whose message is to come; null for none.</summary>
    public string? Mechanism { get; set; }
}
