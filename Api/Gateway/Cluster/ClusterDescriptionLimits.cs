namespace OrleansStream.Gateway.Cluster;

/// <summary>Bounds of the description of a cluster.</summary>
internal static class ClusterDescriptionLimits
{
    /// <summary>The longest wait for the answer of one silo, or for the list of Api nodes.</summary>
    public static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);
}
