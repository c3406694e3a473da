using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>A topic at one version: its identity, partitions and settings.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">A random id, so that a topic that is created again never meets the bytes of an older one.</param>
/// <param name="PartitionCount">The count of its partitions, numbered from 0.</param>
/// <param name="Config">The settings that were given, by Kafka's names. The others have the defaults of <see cref="TopicConfig"/>.</param>
/// <param name="Version">Grows by one with each change. A cached copy with a lower version than the owner's is stale.</param>
/// <param name="CreatedAt">When it was created.</param>
[GenerateSerializer, Immutable, Alias("os.TopicMetadata")]
public sealed record TopicMetadata(
    [property: Id(0)] string Name,
    [property: Id(1)] Guid Id,
    [property: Id(2)] int PartitionCount,
    [property: Id(3)] ImmutableSortedDictionary<string, string> Config,
    [property: Id(4)] long Version,
    [property: Id(5)] DateTimeOffset CreatedAt)
{
    /// <summary>The copies of each byte that the store keeps, as it reports them.</summary>
    [Id(6)] public int ReplicationFactor { get; init; }
}

/// <summary>A request to create a topic.</summary>
/// <param name="PartitionCount">The count of partitions wanted.</param>
/// <param name="Config">Settings by Kafka's names, with values as invariant text.</param>
/// <param name="ReplicationFactor">The wanted count of copies of the data; null for what the store keeps.</param>
[GenerateSerializer, Immutable, Alias("os.CreateTopicRequest")]
public sealed record CreateTopicRequest(
    [property: Id(0)] int PartitionCount,
    [property: Id(1)] ImmutableSortedDictionary<string, string> Config,
    [property: Id(2)] int? ReplicationFactor);

/// <summary>A change to a topic. A null member changes nothing.</summary>
/// <param name="PartitionCount">The new count of partitions; it may only grow.</param>
/// <param name="Config">The settings to change. A null value restores the default.</param>
[GenerateSerializer, Immutable, Alias("os.AlterTopicRequest")]
public sealed record AlterTopicRequest(
    [property: Id(0)] int? PartitionCount,
    [property: Id(1)] ImmutableSortedDictionary<string, string?>? Config);

/// <summary>The answer to a change or a look-up of a topic. Exactly one of topic and error is set.</summary>
/// <param name="Topic">The topic as it is now.</param>
/// <param name="Error">Why there is no topic.</param>
/// <param name="Created">True when this call created the topic.</param>
[GenerateSerializer, Immutable, Alias("os.TopicResponse")]
public sealed record TopicResponse(
    [property: Id(0)] TopicMetadata? Topic,
    [property: Id(1)] StreamError? Error,
    [property: Id(2)] bool Created = false);

/// <summary>One topic of the catalogue.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Its id.</param>
/// <param name="CreatedAt">When it was created.</param>
[GenerateSerializer, Immutable, Alias("os.CatalogEntry")]
public sealed record CatalogEntry(
    [property: Id(0)] string Name,
    [property: Id(1)] Guid Id,
    [property: Id(2)] DateTimeOffset CreatedAt);

/// <summary>A page of the catalogue, in ordinal order of names.</summary>
/// <param name="Topics">The topics.</param>
/// <param name="NextAfter">The value of <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("os.CatalogPage")]
public sealed record CatalogPage(
    [property: Id(0)] ImmutableArray<CatalogEntry> Topics,
    [property: Id(1)] string? NextAfter);
