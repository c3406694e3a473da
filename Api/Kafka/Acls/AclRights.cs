using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Security;

namespace OrleansStream.Kafka.Acls;

/// <summary>
/// The service's rights as Kafka's access control lists, and back. A right has fewer operations than Kafka has; entries that would give or take
/// more than they say are refused.
/// </summary>
/// <remarks>
/// <see cref="AccessOperations.Manage"/> of a topic is CREATE, DELETE, ALTER and ALTER_CONFIGS together; of a group it is DELETE.
/// <see cref="AccessOperations.Describe"/> is DESCRIBE, and DESCRIBE_CONFIGS where there are settings. <see cref="AccessOperations.Admin"/> of the
/// cluster is ALTER. A right with all operations of its kind is ALL.
/// </remarks>
internal static class AclRights
{
    private const string UserStart = "User:", Everybody = "User:*", Anonymous = "anonymous", AnyName = "*", AnyHost = "*";

    private static readonly AclOperation[] Managing = [AclOperation.Create, AclOperation.Delete, AclOperation.Alter, AclOperation.AlterConfigs];
    private static readonly AclOperation[] Describing = [AclOperation.Describe, AclOperation.DescribeConfigs];

    /// <summary>The entries that a right is.</summary>
    /// <param name="right">The right.</param>
    public static IEnumerable<AclEntry> EntriesOf(AccessRight right)
    {
        var resource = right.Kind switch
        {
            ResourceKind.Topic => AclResource.Topic,
            ResourceKind.Group => AclResource.Group,
            _ => AclResource.Cluster,
        };
        var isEveryName = right.IsPrefix && right.Name.Length == 0;
        var entry = new AclEntry(
            resource, isEveryName ? AnyName : right.Name, right.IsPrefix && !isEveryName ? AclPattern.Prefixed : AclPattern.Literal,
            right.Principal == Anonymous ? Everybody : UserStart + right.Principal, AnyHost, AclOperation.All, AclPermission.Allow);
        return right.Operations == AccessNames.AllowedOn(right.Kind)
            ? [entry]
            : UnitsOf(right.Kind).Where(unit => right.Operations.HasFlag(unit.Right)).SelectMany(unit => unit.Operations)
                .Select(operation => entry with { Operation = operation });
    }

    /// <summary>The right that entries give together, which are of one principal and resource.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="right">The right, of the operations that they give.</param>
    /// <returns>Why they give none.</returns>
    public static AclOutcome TryRead(IReadOnlyCollection<AclEntry> entries, out AccessRight right)
    {
        var first = entries.First();
        right = new AccessRight("", ResourceKind.Cluster, IsPrefix: false, "", AccessOperations.None);
        if (first.Permission != AclPermission.Allow)
            return Refused("Rights are given here and never denied: leave out what is not allowed.");
        if (first.Host != AnyHost)
            return Refused($"A right holds from everywhere: the host must be '{AnyHost}', and is '{first.Host}'.");
        if (KindOf(first.Resource) is not { } kind)
            return Refused($"There are rights on topics, groups and the cluster, and none on resources of type {(sbyte)first.Resource}.");
        if (first.Pattern is not (AclPattern.Literal or AclPattern.Prefixed))
            return Refused($"A name is meant literally or as a prefix, and not by the pattern type {(sbyte)first.Pattern}.");
        if (PrincipalOf(first.Principal) is not { } principal)
        {
            return Refused(
                $"'{first.Principal}' is nobody: a principal is 'User:' and then key:{{name}}, user:{{id}}, group:{{id}} or certificate:{{subject}}, or it "
                + $"is '{Everybody}'.");
        }

        var isEveryName = first.Pattern == AclPattern.Literal && first.Name == AnyName && kind != ResourceKind.Cluster;
        var (outcome, operations) = OperationsOf(kind, [.. entries.Select(entry => entry.Operation)]);
        if (outcome.Error != KafkaError.None)
            return outcome;
        right = new AccessRight(principal, kind, isEveryName || first.Pattern == AclPattern.Prefixed, isEveryName ? "" : first.Name, operations);
        return AccessNames.Validate(right) is { } error ? Refused(error.Detail) : AclOutcome.Done;
    }

    /// <summary>The operations of a right that some of its entries are.</summary>
    /// <param name="kind">The right's kind of resource.</param>
    /// <param name="operations">The entries' operations.</param>
    /// <returns>The operations; or why they cannot be told apart from others.</returns>
    public static (AclOutcome Outcome, AccessOperations Operations) OperationsOf(ResourceKind kind, IReadOnlyCollection<AclOperation> operations)
    {
        if (operations.Contains(AclOperation.All))
            return (AclOutcome.Done, AccessNames.AllowedOn(kind));
        var found = AccessOperations.None;
        foreach (var operation in operations)
        {
            var unit = Array.Find(UnitsOf(kind), unit => unit.Operations.Contains(operation));
            if (unit.Operations is null)
            {
                var on = kind.ToString().ToLowerInvariant();
                return (Refused($"The operation {NameOf(operation)} is none of a {on}'s here{Hint(operation)}."), found);
            }

            // To see something shows its settings, too; all else must be said to be given.
            if (unit.Operations != Describing && unit.Operations.Except(operations).Any())
            {
                var all = string.Join(", ", unit.Operations.Select(NameOf));
                return (Refused($"{all} are one right here (manage): give or remove all of them at once."), found);
            }

            found |= unit.Right;
        }

        return (AclOutcome.Done, found);
    }

    /// <summary>That something is refused.</summary>
    /// <param name="why">Why it failed or was refused.</param>
    public static AclOutcome Refused(string why) => new(KafkaError.InvalidRequest, why);

    private static (AccessOperations Right, AclOperation[] Operations)[] UnitsOf(ResourceKind kind) => kind switch
    {
        ResourceKind.Topic =>
        [
            (AccessOperations.Describe, Describing), (AccessOperations.Read, [AclOperation.Read]), (AccessOperations.Write, [AclOperation.Write]),
            (AccessOperations.Manage, Managing),
        ],
        ResourceKind.Group =>
        [
            (AccessOperations.Describe, [AclOperation.Describe]), (AccessOperations.Read, [AclOperation.Read]),
            (AccessOperations.Manage, [AclOperation.Delete]),
        ],
        _ => [(AccessOperations.Describe, Describing), (AccessOperations.Admin, [AclOperation.Alter])],
    };

    private static ResourceKind? KindOf(AclResource resource) => resource switch
    {
        AclResource.Topic => ResourceKind.Topic,
        AclResource.Group => ResourceKind.Group,
        AclResource.Cluster => ResourceKind.Cluster,
        _ => null,
    };

    private static string? PrincipalOf(string principal) => principal == Everybody ? Anonymous
        : principal.StartsWith(UserStart, StringComparison.Ordinal) && AccessNames.ValidatePrincipal(principal[UserStart.Length..]) is null
            && principal[UserStart.Length..] != Anonymous ? principal[UserStart.Length..]
        : null;

    private static string Hint(AclOperation operation) => operation switch
    {
        AclOperation.Create => "; topics are created by whoever has CREATE, DELETE, ALTER and ALTER_CONFIGS on them, of which a prefix may be given",
        (AclOperation)12 => "; a producer needs no right to be idempotent but WRITE on its topic",
        _ => "",
    };

    // As Kafka's tools write them.
    private static string NameOf(AclOperation operation) => operation switch
    {
        AclOperation.AlterConfigs => "ALTER_CONFIGS",
        AclOperation.DescribeConfigs => "DESCRIBE_CONFIGS",
        (AclOperation)9 => "CLUSTER_ACTION",
        (AclOperation)12 => "IDEMPOTENT_WRITE",
        _ => operation.ToString().ToUpperInvariant(),
    };
}
