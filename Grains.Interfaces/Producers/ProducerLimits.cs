namespace OrleansStream.Producers;

/// <summary>Bounds of producers' identities.</summary>
public static class ProducerLimits
{
    /// <summary>The ids of one block, so that a node asks rarely. Kafka's blocks have the same size.</summary>
    public const int IdsPerBlock = 1_000;

    /// <summary>The grains that share the clients' producers, each with its own document.</summary>
    public const int RegistersCount = 64;

    /// <summary>The most producers of one grain. Above it new producers are refused until older ones expire.</summary>
    public const int ProducersPerRegisterMax = 4_096;

    /// <summary>
    /// How long a producer is kept whose epoch is not raised (Kafka's <c>transactional.id.expiration.ms</c>). A producer that has expired may go on
    /// producing.
    /// </summary>
    public static readonly TimeSpan RegistrationAge = TimeSpan.FromDays(7);
}
