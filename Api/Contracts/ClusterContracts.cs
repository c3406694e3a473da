namespace OrleansStream.Contracts;

/// <summary>The cluster.</summary>
public sealed record ClusterAnswer
{
    /// <summary>Its silos, by address.</summary>
    public required IReadOnlyList<SiloAnswer> Silos { get; init; }

    /// <summary>
    /// Its Api nodes, by address. A node announces itself every 5 s. After a kill it stays listed for a minute; after a stop in order it is gone at
    /// once. Absent when the list cannot be had just now, as for some seconds after its silo has gone, and from a service of an earlier version.
    /// </summary>
    public IReadOnlyList<ApiNodeAnswer>? ApiNodes { get; init; }

    /// <summary>
    /// What a month like the last minute costs, over all silos that answered, at their settings' unit prices; absent where storage has no price.
    /// </summary>
    /// <example>566.07</example>
    public double? MonthCost { get; init; }
}

/// <summary>A silo.</summary>
public sealed record SiloAnswer
{
    /// <summary>Where other silos reach it.</summary>
    /// <example>10.0.1.4:11111</example>
    public required string Address { get; init; }

    /// <summary>False when it did not tell of itself in time: then the rest is absent.</summary>
    /// <example>true</example>
    public required bool Answers { get; init; }

    /// <summary>The version of its program; absent from a silo of an earlier version.</summary>
    /// <example>0.1.0</example>
    public string? Version { get; init; }

    /// <summary>When it was started; absent from a silo of an earlier version.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>The partitions that it leads.</summary>
    /// <example>64</example>
    public int? Partitions { get; init; }

    /// <summary>Those among them that move to another silo, because silos have come or gone; 0 when each is where it belongs.</summary>
    /// <example>0</example>
    public int? MovingPartitions { get; init; }

    /// <summary>The bytes of their segments, with those that are deleted and not freed yet.</summary>
    /// <example>1073741824</example>
    public long? StoredBytes { get; init; }

    /// <summary>What is appended to the partitions that it leads.</summary>
    public FlowAnswer? In { get; init; }

    /// <summary>What is fetched from them.</summary>
    public FlowAnswer? Out { get; init; }

    /// <summary>What it asks of its account; absent for storage without a price.</summary>
    public StorageUsageAnswer? Storage { get; init; }
}

/// <summary>A node that serves REST, and Kafka's protocol where that is turned on.</summary>
public sealed record ApiNodeAnswer
{
    /// <summary>
    /// Chosen anew at each start of its process. Several nodes may have the same address, such as <c>localhost:8080</c> behind a proxy of each.
    /// </summary>
    /// <example>0f2b6c1e-5b0f-4f2e-9d57-0c5f1c1f3a77</example>
    public required Guid Id { get; init; }

    /// <summary>The host and port on which it listens; the machine's name where it listens on all addresses of its machine.</summary>
    /// <example>api-0:8080</example>
    public required string Address { get; init; }

    /// <summary>True when it announced itself within the last 12 s.</summary>
    /// <example>true</example>
    public required bool Answers { get; init; }

    /// <summary>The version of its program.</summary>
    /// <example>0.1.0</example>
    public required string Version { get; init; }

    /// <summary>When it was started, by its own clock.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>True when a silo runs in the same process.</summary>
    /// <example>false</example>
    public required bool HasSilo { get; init; }
}

/// <summary>What a silo asks of its account, a second, over the last minute.</summary>
public sealed record StorageUsageAnswer
{
    /// <summary>Appends to segments; they are among the writes.</summary>
    /// <example>10.4</example>
    public required double AppendsPerSecond { get; init; }

    /// <summary>The most appends a second by the settings; absent for no bound.</summary>
    /// <example>30</example>
    public int? AppendsPerSecondMax { get; init; }

    /// <summary>The partitions whose next append waits for its turn.</summary>
    /// <example>0</example>
    public required int AppendsWaiting { get; init; }

    /// <summary>Requests that are billed as writes.</summary>
    /// <example>10.5</example>
    public required double WritesPerSecond { get; init; }

    /// <summary>Requests that are billed as reads.</summary>
    /// <example>0.9</example>
    public required double ReadsPerSecond { get; init; }

    /// <summary>What these requests and the stored bytes cost in a month, at the unit prices of the settings.</summary>
    /// <example>171.9</example>
    public required double MonthCost { get; init; }
}
