namespace OrleansStream.Groups.State;

/// <summary>Decides which member shall read which partitions.</summary>
internal interface IAssignor
{
    /// <summary>The name that members ask for it by.</summary>
    string Name { get; }

    /// <summary>Gives every partition that somebody subscribes to, to exactly one of its subscribers. The same input gives the same output.</summary>
    /// <param name="members">The members in ordinal order of their ids.</param>
    /// <param name="partitionCounts">Per topic id the count of its partitions.</param>
    /// <returns>Per member, in their order, its partitions.</returns>
    IReadOnlyList<PartitionSet> Assign(IReadOnlyList<AssignorMember> members, IReadOnlyDictionary<Guid, int> partitionCounts);
}

/// <summary>A member, as an assignor sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Topics">The ids of the topics it subscribes to and that exist.</param>
/// <param name="Previous">The partitions it has, or shall have and nobody else has.</param>
internal sealed record AssignorMember(string Id, IReadOnlySet<Guid> Topics, PartitionSet Previous);

/// <summary>The assignors there are.</summary>
internal static class Assignors
{
    /// <summary>The one that is used when nobody asks for another.</summary>
    public static readonly IAssignor Default = new StickyAssignor();

    private static readonly IAssignor[] All = [Default, new RangeAssignor()];

    /// <summary>The assignors' names, for messages.</summary>
    public static string Names => string.Join(", ", All.Select(assignor => assignor.Name));

    /// <summary>The assignor of a name, or null.</summary>
    /// <param name="name">Its name.</param>
    public static IAssignor? Find(string? name) => Array.Find(All, assignor => assignor.Name == name);
}
