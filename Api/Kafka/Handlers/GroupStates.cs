using OrleansStream.Groups;

namespace OrleansStream.Kafka.Handlers;

/// <summary>What groups are doing, and by which assignor, in the names that Kafka's clients know.</summary>
internal static class GroupStates
{
    /// <summary>The type of a group whose members assign partitions among themselves.</summary>
    public const string Classic = "Classic";

    /// <summary>The type of a group that assigns partitions itself.</summary>
    public const string Consumer = "Consumer";

    // What Kafka calls the assignor that keeps counts even and moves as little as it can.
    private const string Uniform = "uniform", Sticky = "sticky";

    private const string Empty = "Empty", Stable = "Stable", Assigning = "Assigning", PreparingRebalance = "PreparingRebalance", CompletingRebalance = "CompletingRebalance";

    /// <summary>Kafka's name of an assignor.</summary>
    /// <param name="assignor">The group's own name of it.</param>
    public static string NameOf(string assignor) => assignor == Sticky ? Uniform : assignor;

    /// <summary>The group's own name of an assignor.</summary>
    /// <param name="name">Kafka's name of it; null for none.</param>
    public static string? AssignorOf(string? name) => name == Uniform ? Sticky : name;

    /// <summary>The type of a group. One without members is of the type that it had last.</summary>
    /// <param name="group">The group.</param>
    public static string TypeOf(GroupDescription group) =>
        group.IsClassic || (group.Classic is not null && group.Members.IsEmpty) ? Classic : Consumer;

    /// <summary>What a group is doing.</summary>
    /// <param name="group">The group.</param>
    public static string Of(GroupDescription group) => group.IsClassic ? group.Classic!.State : group.Phase;

    /// <summary>What a group is doing, in words of the classic protocol.</summary>
    /// <param name="group">The group.</param>
    public static string OfClassic(GroupDescription group) => Of(group) switch
    {
        Empty => Empty,
        Stable => Stable,
        Assigning => PreparingRebalance,
        PreparingRebalance => PreparingRebalance,
        _ => CompletingRebalance,
    };
}
