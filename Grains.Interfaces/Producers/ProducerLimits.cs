namespace OrleansStream.Producers;

/// <summary>Bounds of producers' identities.</summary>
public static class ProducerLimits
{
    /// <summary>The ids given out at once, so that a node asks seldom (Kafka's blocks have as many).</summary>
    public const int IdsPerBlock = 1_000;

    /// <summary>The grains that share the clients' producers among them, each with a document of its own.</summary>
    public const int RegistersCount = 64;

    /// <summary>The producers one of them keeps; beyond it new ones are refused until older ones expire.</summary>
    public const int ProducersPerRegisterMax = 4_096;

    /// <summary>How long a producer is kept whose epoch is not raised (Kafka's <c>transactional.id.expiration.ms</c>); it may go on producing then.</summary>
    public static readonly TimeSpan RegistrationAge = TimeSpan.FromDays(7);
}
