namespace OrleansStream.Cluster;

/// <summary>The bounds of what the cluster knows of its Api nodes.</summary>
public static class ApiNodeLimits
{
    /// <summary>How often each node tells that it is there.</summary>
    public static readonly TimeSpan AnnouncePeriod = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a new list is not told: until each node has announced itself to it, with 2 s for the calls themselves. It would show only a part of
    /// the nodes.
    /// </summary>
    public static readonly TimeSpan GatherTime = AnnouncePeriod + TimeSpan.FromSeconds(2);

    /// <summary>How long a node that ends waits until it is taken off the list. Its end is not to wait for a silo that ends, too.</summary>
    public static readonly TimeSpan LeaveMax = TimeSpan.FromSeconds(1);

    /// <summary>A node that was not heard of for longer does not answer: two of its announcements are missing.</summary>
    public static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(12);

    /// <summary>A node that was not heard of for longer is forgotten: nobody knows whether it will come back.</summary>
    public static readonly TimeSpan RememberedMax = TimeSpan.FromMinutes(1);

    /// <summary>The most nodes that are known; further ones are not listed, and serve all the same.</summary>
    public const int NodesMax = 1_000;

    /// <summary>The longest address of a node, and the longest name of its machine, in characters; a longer one is cut short.</summary>
    public const int AddressLengthMax = 300;
}
