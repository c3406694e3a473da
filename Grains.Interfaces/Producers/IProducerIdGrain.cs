using OrleansStream.Errors;

namespace OrleansStream.Producers;

/// <summary>Gives out producer ids, each once. One grain, key <see cref="Key"/>; asked once for many ids.</summary>
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
}
