using System.Collections.Immutable;
using Orleans.Concurrency;

namespace OrleansStream.Topics;

/// <summary>The names of all topics and the ids behind them. One grain, key <see cref="Key"/>; never on a record's way.</summary>
[Alias("os.ITopicCatalogGrain")]
public interface ITopicCatalogGrain : IGrainWithStringKey
{
    /// <summary>The one key of the catalogue.</summary>
    const string Key = "catalog";

    /// <summary>Reserves a name with all that its topic needs to come into being; repeating it gives the same topic.</summary>
    /// <param name="name">A valid topic name.</param>
    /// <param name="request">A validated request.</param>
    /// <returns>The topic, new or as it was reserved before; or a limit that is reached.</returns>
    [Alias("RegisterAsync")]
    Task<TopicResponse> RegisterAsync(string name, CreateTopicRequest request);

    /// <summary>Finds a topic by its name, as it was registered.</summary>
    /// <param name="name">The topic's name.</param>
    /// <returns>The topic at its first version, or null.</returns>
    [Alias("FindAsync"), AlwaysInterleave]
    Task<TopicMetadata?> FindAsync(string name);

    /// <summary>Tells which of some names are topics: whoever asks the catalogue makes no grain of a name that is none.</summary>
    /// <param name="names">The names.</param>
    /// <returns>Those that are registered, in their order.</returns>
    [Alias("FilterAsync"), AlwaysInterleave]
    Task<ImmutableArray<string>> FilterAsync(ImmutableArray<string> names);

    /// <summary>Finds the name of a topic by its id.</summary>
    /// <param name="id">The topic's id.</param>
    /// <returns>The name; null when there is no such topic, or it is being deleted.</returns>
    [Alias("FindNameAsync"), AlwaysInterleave]
    Task<string?> FindNameAsync(Guid id);

    /// <summary>Frees a name and takes over freeing its topic's bytes, which survives crashes.</summary>
    /// <param name="name">The topic's name.</param>
    /// <param name="id">Its id: another topic of that name is left alone.</param>
    /// <param name="partitionCount">The count of partitions whose bytes are to be freed.</param>
    [Alias("RemoveAsync")]
    Task RemoveAsync(string name, Guid id, int partitionCount);

    /// <summary>Takes note that a deleted topic's bytes are freed. The catalogue calls this itself, as a turn among its writes.</summary>
    /// <param name="id">The topic's id.</param>
    /// <param name="isLast">True when nothing can come after: then it is forgotten. Else it is looked at once more later.</param>
    [Alias("SettleDeletionAsync")]
    Task SettleDeletionAsync(Guid id, bool isLast);

    /// <summary>Lists topics in ordinal order of their names.</summary>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names behind this one; null from the start.</param>
    /// <param name="limit">The most topics to return.</param>
    [Alias("ListAsync"), AlwaysInterleave]
    Task<CatalogPage> ListAsync(string prefix, string? after, int limit);
}
