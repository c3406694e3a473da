namespace OrleansStream.Security;

/// <summary>What one principal may do with the resources of one name, or of all names that begin with one. What nobody gave, nobody has.</summary>
/// <param name="Principal">Who, as <c>key:{name}</c>, <c>user:{id}</c>, <c>group:{id}</c>, <c>certificate:{name}</c> or <c>anonymous</c>.</param>
/// <param name="Kind">The kind of resource.</param>
/// <param name="IsPrefix">True when <paramref name="Name"/> is what names begin with; the empty one means all.</param>
/// <param name="Name">The resource's name.</param>
/// <param name="Operations">What is allowed.</param>
[GenerateSerializer, Immutable, Alias("os.AccessRight")]
public sealed record AccessRight(
    [property: Id(0)] string Principal,
    [property: Id(1)] ResourceKind Kind,
    [property: Id(2)] bool IsPrefix,
    [property: Id(3)] string Name,
    [property: Id(4)] AccessOperations Operations)
{
    /// <summary>The name of the one cluster, as Kafka has it.</summary>
    public const string ClusterName = "kafka-cluster";

    /// <summary>True for a right that stands in the place of this one: of the same principal on the same resource.</summary>
    /// <param name="other">The other right.</param>
    public bool IsOnSameAs(AccessRight other) =>
        (Principal, Kind, IsPrefix, Name) == (other.Principal, other.Kind, other.IsPrefix, other.Name);
}
