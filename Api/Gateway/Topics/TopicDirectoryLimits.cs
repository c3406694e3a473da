namespace OrleansStream.Gateway.Topics;

/// <summary>Bounds of calls about many topics.</summary>
internal static class TopicDirectoryLimits
{
    /// <summary>The most topics that are asked at the same time for one request.</summary>
    public const int CallsAtOnce = 64;
}
