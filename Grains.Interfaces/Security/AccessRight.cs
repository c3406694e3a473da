namespace OrleansStream.Security;

/// <summary>
/// A right: the operations that one principal may do with the resource of one name, or with all resources whose names have a prefix. An operation
/// without a right is refused.
/// </summary>
/// <param name="Principal">
/// The principal: <c>key:{name}</c>, <c>user:{id}</c>, <c>group:{id}</c>, <c>certificate:{name}</c> or <c>anonymous</c>.
/// </param>
/// <param name="Kind">The kind of resource.</param>
/// <param name="IsPrefix">True when <paramref name="Name"/> is a prefix of names; the empty prefix means all names.</param>
/// <param name="Name">The resource's name, or the prefix.</param>
/// <param name="Operations">The allowed operations.</param>
[GenerateSerializer, Immutable, Alias("os.AccessRight")]
public sealed record AccessRight(
    [property: Id(0)] string Principal,
    [property: Id(1)] ResourceKind Kind,
    [property: Id(2)] bool IsPrefix,
    [property: Id(3)] string Name,
    [property: Id(4)] AccessOperations Operations)
{
    /// <summary>The name of the only cluster; Kafka uses the same name.</summary>
    public const string ClusterName = "kafka-cluster";

    /// <summary>The right, for people.</summary>
    public override string ToString() => $"{Principal}: {Operations} on {Kind} {Name}{(IsPrefix ? "*" : "")}";

    /// <summary>True when two rights are of the same principal on the same resource, so that one replaces the other.</summary>
    /// <param name="other">The other right.</param>
    public bool IsOnSameAs(AccessRight other) =>
        (Principal, Kind, IsPrefix, Name) == (other.Principal, other.Kind, other.IsPrefix, other.Name);
}

/// <summary>A change of the operations that a principal may do with a resource.</summary>
/// <param name="Right">The right, found by principal and resource; its own operations do not matter.</param>
/// <param name="Added">The operations that are added.</param>
/// <param name="Removed">The operations that are removed.</param>
[GenerateSerializer, Immutable, Alias("os.RightChange")]
public sealed record RightChange(
    [property: Id(0)] AccessRight Right,
    [property: Id(1)] AccessOperations Added,
    [property: Id(2)] AccessOperations Removed)
{
    /// <summary>The change, for people.</summary>
    public override string ToString() => Removed == AccessOperations.None
        ? $"give {Right with { Operations = Added }}"
        : $"take {Right with { Operations = Removed }}";
}
