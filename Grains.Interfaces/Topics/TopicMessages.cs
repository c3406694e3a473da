using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>What a topic is: its identity, its partitions and its settings, at one version.</summary>
/// <param name="Name">The topic's name.</param>
/// <param name="Id">Random, so that a re-created topic never meets the bytes of an older one.</param>
/// <param name="PartitionCount">The count of its partitions, numbered from 0.</param>
/// <param name="Config">The settings that were given, by Kafka's names; those left out have <see cref="TopicConfig"/>'s defaults.</param>
/// <param name="Version">Grows by one with each change; a cached copy is stale below the owner's.</param>
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

/// <summary>What a topic is asked to be.</summary>
/// <param name="PartitionCount">The count of partitions wanted.</param>
/// <param name="Config">Settings by Kafka's names, values in invariant text.</param>
/// <param name="ReplicationFactor">The copies of the data wanted, or null for what the store keeps.</param>
[GenerateSerializer, Immutable, Alias("os.CreateTopicRequest")]
public sealed record CreateTopicRequest(
    [property: Id(0)] int PartitionCount,
    [property: Id(1)] ImmutableSortedDictionary<string, string> Config,
    [property: Id(2)] int? ReplicationFactor);

/// <summary>A change to a topic; what is null stays.</summary>
/// <param name="PartitionCount">The new count of partitions; it may only grow.</param>
/// <param name="Config">Settings to change; a null value puts one back to its default.</param>
[GenerateSerializer, Immutable, Alias("os.AlterTopicRequest")]
public sealed record AlterTopicRequest(
    [property: Id(0)] int? PartitionCount,
    [property: Id(1)] ImmutableSortedDictionary<string, string?>? Config);

/// <summary>The answer to a change or a look at a topic: exactly one of the two is set.</summary>
/// <param name="Topic">The topic as it is now.</param>
/// <param name="Error">Why there is none.</param>
/// <param name="Created">True when this call created it.</param>
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
/// <param name="NextAfter">Give this as <c>after</c> for the next page; null at the end.</param>
[GenerateSerializer, Immutable, Alias("os.CatalogPage")]
public sealed record CatalogPage(
    [property: Id(0)] ImmutableArray<CatalogEntry> Topics,
    [property: Id(1)] string? NextAfter);
