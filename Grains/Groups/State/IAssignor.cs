namespace OrleansStream.Groups.State;

/// <summary>Decides which member is to have which partitions.</summary>
internal interface IAssignor
{
    /// <summary>The name by which members ask for it.</summary>
    string Name { get; }

    /// <summary>Gives each partition that has subscribers to exactly one of them. The same input gives the same output.</summary>
    /// <param name="members">The members in ordinal order of their ids.</param>
    /// <param name="partitionCounts">The count of partitions of each topic, by topic id.</param>
    /// <returns>The partitions of each member, in the order of the members.</returns>
    IReadOnlyList<PartitionSet> Assign(IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<Guid, int> partitionCounts);
}

/// <summary>What an assignor knows of a member.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Topics">The ids of the existing topics that it subscribes to.</param>
/// <param name="Previous">The partitions that it has, and the free ones in its target.</param>
internal sealed record AssignorMember(string Id, IReadOnlySet<Guid> Topics, PartitionSet Previous);

/// <summary>The available assignors.</summary>
internal static class Assignors
{
    /// <summary>The assignor that is used when no member asks for another.</summary>
    public static readonly IAssignor Default = new StickyAssignor();

    private static readonly IAssignor[] All = [Default, new RangeAssignor()];

    /// <summary>The assignors' names, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(assignor => assignor.Name));

    /// <summary>The assignor of a name, or null.</summary>
    /// <param name="name">Its name.</param>
    public static IAssignor? Find(string? name) => Array.Find(All, assignor => assignor.Name == name);
}
