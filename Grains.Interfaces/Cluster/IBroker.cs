namespace OrleansStream.Cluster;

/// <summary>This process as a Kafka broker. It is registered in a process that can serve Kafka's protocol.</summary>
/// <remarks>Safe to call from any thread.</remarks>
public interface IBroker
{
    /// <summary>Where Kafka clients reach it; null while it does not listen.</summary>
    BrokerAddress? Address { get; }

    /// <summary>True when it serves clients, or will as soon as it has started; false when its settings say that it does not.</summary>
    bool IsServing { get; }
}

/// <summary>Where Kafka clients reach a broker.</summary>
/// <param name="NodeId">The broker's id, not negative.</param>
/// <param name="Host">The name or IP address of its host.</param>
/// <param name="Port">Its port.</param>
[GenerateSerializer, Immutable, Alias("os.BrokerAddress")]
public sealed record BrokerAddress(
    [property: Id(0)] int NodeId,
    [property: Id(1)] string Host,
    [property: Id(2)] int Port);
