using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>
/// Gives out the producer ids of clients (<see cref="ProducerIdKind.Client"/>), each once. One grain, key <see cref="Key"/>; asked once for many ids.
/// </summary>
[Alias("os.IProducerIdGrain")]
public interface IProducerIdGrain : IGrainWithStringKey
{
    /// <summary>The one key.</summary>
    const string Key = "producer-ids";

    /// <summary>Takes ids that nobody was given before or will be again; those that are not used are lost (Kafka's KIP-730).</summary>
    /// <returns>The first of <see cref="ProducerLimits.IdsPerBlock"/> ids. They are the caller's once that is durable, and not before.</returns>
    /// <exception cref="StreamException">The counter could not be stored; try again.</exception>
    [Alias("TakeBlockAsync")]
    Task<long> TakeBlockAsync();

    /// <summary>Tells how far the ids were given out.</summary>
    /// <returns>The first id that was not given out; every id that was given out before the call lies below it. Read from the store.</returns>
    /// <exception cref="StreamException">The counter could not be read; try again.</exception>
    [Alias("FindEndAsync")]
    Task<long> FindEndAsync();
}

/// <summary>Gives out the producer ids of the service's own appends (<see cref="ProducerIdKind.Service"/>), each once. One grain, key <see cref="Key"/>.</summary>
[Alias("os.IServiceProducerIdGrain")]
public interface IServiceProducerIdGrain : IGrainWithStringKey
{
    /// <summary>The one key.</summary>
    const string Key = "service-producer-ids";

    /// <summary>Takes ids as <see cref="IProducerIdGrain.TakeBlockAsync"/> does.</summary>
    /// <returns>The first of <see cref="ProducerLimits.IdsPerBlock"/> ids.</returns>
    /// <exception cref="StreamException">The counter could not be stored; try again.</exception>
    [Alias("TakeBlockAsync")]
    Task<long> TakeBlockAsync();
}
