namespace OrleansStream.Security;

/// <summary>The kinds of resource that a right can be on.</summary>
public enum ResourceKind : byte
{
    /// <summary>A topic, by its name.</summary>
    Topic,

    /// <summary>A consumer group, by its name.</summary>
    Group,

    /// <summary>The cluster as a whole; its name is <see cref="AccessRight.ClusterName"/>.</summary>
    Cluster,
}
