using OrleansStream.Topics;

namespace OrleansStream.Rest.Topics;

/// <summary>The bounds of requests that manage topics.</summary>
internal static class TopicRequestLimits
{
    /// <summary>The longest body that describes a topic, in bytes.</summary>
    public const int TopicBodyBytesMax = 64 * 1024;

    /// <summary>The topics on a page when the request does not say.</summary>
    public const int TopicPageDefault = 100;

    /// <summary>The most topics on a page.</summary>
    public const int TopicPageMax = TopicLimits.CatalogPageMax;

    /// <summary>The partitions of a new topic when the request does not say (Kafka's <c>num.partitions</c>).</summary>
    public const int PartitionsDefault = 1;
}
