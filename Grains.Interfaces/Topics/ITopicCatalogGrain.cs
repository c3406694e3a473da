using System.Collections.Immutable;
using Orleans.Concurrency;

namespace OrleansStream.Topics;

/// <summary>The names of all topics, and their ids. There is one grain, with key <see cref="Key"/>; no record's way leads through it.</summary>
[Alias("os.ITopicCatalogGrain")]
public interface ITopicCatalogGrain : IGrainWithStringKey
{
    /// <summary>The key of the one catalogue.</summary>
    const string Key = "catalog";

    /// <summary>Reserves a name, with everything needed to create its topic. Repeating it gives the same topic.</summary>
    /// <param name="name">A valid topic name.</param>
    /// <param name="request">A validated request.</param>
    /// <returns>The topic, new or as reserved before; or the limit that is reached.</returns>
    [Alias("RegisterAsync")]
    Task<TopicResponse> RegisterAsync(string name, CreateTopicRequest request);

    /// <summary>Finds a topic by name, as it was registered.</summary>
    /// <param name="name">The topic's name.</param>
    /// <returns>The topic at its first version, or null.</returns>
    [Alias("FindAsync"), AlwaysInterleave]
    Task<TopicMetadata?> FindAsync(string name);

    /// <summary>Tells which of some names are topics. A caller that asks here first activates no grain for a name without a topic.</summary>
    /// <param name="names">The names.</param>
    /// <returns>The registered names, in their order.</returns>
    [Alias("FilterAsync"), AlwaysInterleave]
    Task<ImmutableArray<string>> FilterAsync(ImmutableArray<string> names);

    /// <summary>Finds the name of a topic by its id.</summary>
    /// <param name="id">The topic's id.</param>
    /// <returns>The name; null when the topic does not exist or is being deleted.</returns>
    [Alias("FindNameAsync"), AlwaysInterleave]
    Task<string?> FindNameAsync(Guid id);

    /// <summary>Frees a name, and takes over the freeing of its topic's bytes, which also goes on after a crash.</summary>
    /// <param name="name">The topic's name.</param>
    /// <param name="id">The topic's id. Another topic of the name is left alone.</param>
    /// <param name="partitionCount">The count of partitions whose bytes are to be freed.</param>
    [Alias("RemoveAsync")]
    Task RemoveAsync(string name, Guid id, int partitionCount);

    /// <summary>
    /// Records that a deleted topic's bytes are freed. Only the catalogue calls it, on itself, so that it takes its turn among the writes.
    /// </summary>
    /// <param name="id">The topic's id.</param>
    /// <param name="isLast">True when no more bytes can appear, so that the topic is forgotten; false to look for bytes once more later.</param>
    [Alias("SettleDeletionAsync")]
    Task SettleDeletionAsync(Guid id, bool isLast);

    /// <summary>Lists topics in ordinal order of their names.</summary>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names after this one; null from the start.</param>
    /// <param name="limit">The most topics to return.</param>
    [Alias("ListAsync"), AlwaysInterleave]
    Task<CatalogPage> ListAsync(string prefix, string? after, int limit);
}
