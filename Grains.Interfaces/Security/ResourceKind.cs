namespace OrleansStream.Security;

/// <summary>What rights are given on.</summary>
public enum ResourceKind : byte
{
    /// <summary>A topic, by its name.</summary>
    Topic,

    /// <summary>A consumer group, by its name.</summary>
    Group,

    /// <summary>The cluster as a whole; its name is <see cref="AccessRight.ClusterName"/>.</summary>
    Cluster,
}
