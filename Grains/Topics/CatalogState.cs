using System.Collections.Immutable;

namespace OrleansStream.Topics;

/// <summary>What is stored of the catalogue.</summary>
internal sealed record CatalogState
{
    /// <summary>No topics, in ordinal order.</summary>
    public static readonly ImmutableSortedDictionary<string, TopicMetadata> NoTopics =
        ImmutableSortedDictionary.Create<string, TopicMetadata>(StringComparer.Ordinal);

    private readonly ImmutableSortedDictionary<string, TopicMetadata> _topics = NoTopics;

    /// <summary>The topics by name, as they were registered.</summary>
    public ImmutableSortedDictionary<string, TopicMetadata> Topics
    {
        get => _topics;
        // A reader of JSON makes dictionaries with the default order.
        init => _topics = value.WithComparers(StringComparer.Ordinal);
    }

    /// <summary>The topics that were deleted, until nothing of them is left for certain.</summary>
    public ImmutableArray<DeletedTopic> Deleted { get; init; } = [];
}

/// <summary>A deleted topic whose bytes are to be freed.</summary>
/// <param name="Name">The name it had, for people.</param>
/// <param name="Id">Its id.</param>
/// <param name="PartitionCount">The count of its partitions.</param>
internal sealed record DeletedTopic(string Name, Guid Id, int PartitionCount)
{
    /// <summary>When its bytes were freed; it is watched for a while after that. Null while they are not.</summary>
    public DateTimeOffset? FreedAt { get; init; }
}
