namespace OrleansStream.Producers;

/// <summary>Bounds of producers' identities.</summary>
public static class ProducerLimits
{
    /// <summary>The ids given out at once, so that a node asks seldom (Kafka's blocks have as many).</summary>
    public const int IdsPerBlock = 1_000;
}
