using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>
/// Gives out the producer ids of clients (<see cref="ProducerIdKind.Client"/>), each only once. There is one grain, with key <see cref="Key"/>; each
/// call takes many ids.
/// </summary>
[Alias("os.IProducerIdGrain")]
public interface IProducerIdGrain : IGrainWithStringKey
{
    /// <summary>The key of the one grain.</summary>
    const string Key = "producer-ids";

    /// <summary>Takes a block of ids that nobody was given before or will be given again. Ids that are not used are lost (Kafka's KIP-730).</summary>
    /// <returns>The first of <see cref="ProducerLimits.IdsPerBlock"/> ids. The block is durable when this returns.</returns>
    /// <exception cref="StreamException">The counter could not be stored; try again.</exception>
    [Alias("TakeBlockAsync")]
    Task<long> TakeBlockAsync();

    /// <summary>Reads from the store up to which id the ids were given out.</summary>
    /// <returns>The first id that was not given out. Every id that was given out before the call lies below it.</returns>
    /// <exception cref="StreamException">The counter could not be read; try again.</exception>
    [Alias("FindEndAsync")]
    Task<long> FindEndAsync();
}

/// <summary>
/// Gives out the producer ids of the service's own appends (<see cref="ProducerIdKind.Service"/>), each only once. There is one grain, with key
/// <see cref="Key"/>.
/// </summary>
[Alias("os.IServiceProducerIdGrain")]
public interface IServiceProducerIdGrain : IGrainWithStringKey
{
    /// <summary>The key of the one grain.</summary>
    const string Key = "service-producer-ids";

    /// <summary>Takes a block of ids, as <see cref="IProducerIdGrain.TakeBlockAsync"/> does.</summary>
    /// <returns>The first of <see cref="ProducerLimits.IdsPerBlock"/> ids.</returns>
    /// <exception cref="StreamException">The counter could not be stored; try again.</exception>
    [Alias("TakeBlockAsync")]
    Task<long> TakeBlockAsync();
}
