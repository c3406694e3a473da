namespace OrleansStream.Gateway.Cluster;

/// <summary>Bounds of the description of a cluster.</summary>
internal static class ClusterDescriptionLimits
{
    /// <summary>The longest wait for the answer of one silo.</summary>
    public static readonly TimeSpan SiloAnswerMax = TimeSpan.FromSeconds(5);
}
