using System.Collections.Immutable;

namespace OrleansStream.Topics;

/// <summary>The stored state of the catalogue.</summary>
internal sealed record CatalogState
{
    /// <summary>An empty dictionary with ordinal order.</summary>
    public static readonly ImmutableSortedDictionary<string, TopicMetadata> NoTopics =
        ImmutableSortedDictionary.Create<string, TopicMetadata>(StringComparer.Ordinal);

    private readonly ImmutableSortedDictionary<string, TopicMetadata> _topics = NoTopics;

    /// <summary>The topics by name, as they were registered.</summary>
    public ImmutableSortedDictionary<string, TopicMetadata> Topics
    {
        get => _topics;
        // The JSON deserializer creates dictionaries with the default order.
        init => _topics = value.WithComparers(StringComparer.Ordinal);
    }

    /// <summary>The deleted topics, each until certainly none of its bytes are left.</summary>
    public ImmutableArray<DeletedTopic> Deleted { get; init; } = [];
}

/// <summary>A deleted topic whose bytes must be freed.</summary>
/// <param name="Name">The name that the topic had, for people.</param>
/// <param name="Id">The topic's id.</param>
/// <param name="PartitionCount">The count of its partitions.</param>
internal sealed record DeletedTopic(string Name, Guid Id, int PartitionCount)
{
    /// <summary>When the topic's bytes were freed; null before that. The catalogue watches the topic for a while after it.</summary>
    public DateTimeOffset? FreedAt { get; init; }
}
