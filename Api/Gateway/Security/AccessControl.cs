using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Gateway.Instrumentation;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Checks callers' rights, for all doors. Every operation of the gateway demands its right here before it does anything. What no right and no role
/// allows is refused.
/// </summary>
/// <remarks>
/// Topics whose names begin with <see cref="ServicePrefix"/> belong to the service: only the service writes and manages them, and only callers with
/// <see cref="AccessOperations.Admin"/> on the cluster may read them. Safe for any thread. A demand that is met costs a look-up and allocates
/// nothing.
/// </remarks>
public sealed partial class AccessControl
{
    /// <summary>The prefix of the names of the service's own topics.</summary>
    public const string ServicePrefix = "__";

    private readonly ConcurrentDictionary<AccessWatch, bool> _watches = [];
    private readonly AccessRules? _rules;
    private readonly TimeProvider _time;
    private readonly IAudit? _audit;

    /// <summary>Creates an instance.</summary>
    /// <param name="rules">The keys and rights; null to allow everything.</param>
    /// <param name="time">Tells when the sign-in of a caller ends.</param>
    /// <param name="audit">Records who manages what, and what is refused; null to record nothing.</param>
    public AccessControl(AccessRules? rules, TimeProvider time, IAudit? audit = null)
    {
        (_rules, _time, _audit) = (rules, time, audit);
        if (rules is { IsOpen: false })
            rules.Asked += CheckWatches;
    }

    private static readonly CompiledRights Everything = new(rules: null, [AccessRole.Admin], [], validUntil: null);

    /// <summary>An instance that allows everything, except writing and managing the service's own topics.</summary>
    public static readonly AccessControl Open = new(rules: null, TimeProvider.System);

    /// <summary>True when no way to sign in is configured, so that everybody may do everything.</summary>
    public bool IsOpen => _rules is null or { IsOpen: true };

    /// <summary>Demands a right on a topic.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.TopicAuthorizationFailed"/>: the caller lacks the right. <see cref="StreamErrorCode.SaslAuthenticationFailed"/>: it
    /// has not signed in, its key was revoked, or its sign-in has expired. <see cref="StreamErrorCode.CoordinatorNotAvailable"/>: this node could not
    /// read the keys and rights for too long.
    /// </exception>
    public void DemandTopic(Caller caller, AccessOperations operation, string topic, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Topic, topic, what);

    /// <summary>Finds out whether a caller lacks a right on a topic, without an exception.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <returns>Null, or what <see cref="DemandTopic"/> would throw.</returns>
    public StreamError? FindRefusal(Caller caller, AccessOperations operation, string topic, [CallerMemberName] string what = "") =>
        Find(caller, operation, ResourceKind.Topic, topic, what);

    /// <summary>Demands a right on a group.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.GroupAuthorizationFailed"/>; or as <see cref="DemandTopic"/>.</exception>
    public void DemandGroup(Caller caller, AccessOperations operation, string group, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Group, group, what);

    /// <summary>Finds out whether a caller lacks a right on a group, without an exception.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <returns>Null, or what <see cref="DemandGroup"/> would throw.</returns>
    public StreamError? FindGroupRefusal(Caller caller, AccessOperations operation, string group, [CallerMemberName] string what = "") =>
        Find(caller, operation, ResourceKind.Group, group, what);

    /// <summary>Demands a right on the cluster.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.ClusterAuthorizationFailed"/>; or as <see cref="DemandTopic"/>.</exception>
    public void DemandCluster(Caller caller, AccessOperations operation, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Cluster, AccessRight.ClusterName, what);

    /// <summary>Demands a right on at least one topic, whichever it is. For what belongs to no topic, such as a producer id.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.ClusterAuthorizationFailed"/>, as Kafka has it (KIP-679); or as <see cref="DemandTopic"/>.
    /// </exception>
    public void DemandAnyTopic(Caller caller, AccessOperations operation, [CallerMemberName] string what = "")
    {
        if ((RightsOf(caller).OnAny(ResourceKind.Topic) & operation) != operation)
            throw new StreamException(Refuse(caller, what, operation, ResourceKind.Cluster, AccessRight.ClusterName));
    }

    /// <summary>
    /// Demands that the caller has signed in, if a way to sign in is configured. For operations that give the caller nothing that it does not have.
    /// </summary>
    /// <param name="caller">The caller.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>: it has not. Else as <see cref="DemandTopic"/>.
    /// </exception>
    public void DemandSignedIn(Caller caller, [CallerMemberName] string what = "")
    {
        RightsOf(caller);
        if (!caller.IsSignedIn && !IsOpen)
            throw new StreamException(Refuse(caller, what, AccessOperations.None, ResourceKind.Cluster, AccessRight.ClusterName));
    }

    /// <summary>Returns whether a caller has a right. Use it to leave things out of an answer; to do something, demand the right.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="name">The resource's name.</param>
    /// <exception cref="StreamException">The caller has to sign in anew, or this node could not read the keys and rights for too long.</exception>
    public bool Allows(Caller caller, AccessOperations operation, ResourceKind kind, string name) =>
        Allows(caller, RightsOf(caller), operation, kind, name);

    /// <summary>Returns the filter of a list: a caller sees only what it may describe.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="kind">The kind of the listed resources.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>: the caller has not signed in, and may describe nothing. Else as
    /// <see cref="DemandTopic"/>.
    /// </exception>
    public VisibleNames VisibleTo(Caller caller, ResourceKind kind, [CallerMemberName] string what = "")
    {
        var rights = RightsOf(caller);
        return caller.IsSignedIn || rights.OnAny(kind) != AccessOperations.None
            ? new VisibleNames(caller, rights, kind)
            : throw new StreamException(Refuse(caller, what, AccessOperations.Describe, kind, name: ""));
    }

    /// <summary>Lists all that a caller may do, and until when. To do something, demand the right.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <returns>
    /// Its rights by roles and by all its names; the empty prefix stands for all resources of a kind. Then when it must sign in again; null for
    /// never.
    /// </returns>
    /// <exception cref="StreamException">As <see cref="DemandSignedIn"/>.</exception>
    public (IReadOnlyList<AccessRight> Rights, DateTimeOffset? ValidUntil) DescribeRights(Caller caller, [CallerMemberName] string what = "")
    {
        DemandSignedIn(caller, what);
        var rights = RightsOf(caller);
        return ([.. rights.List(caller.Principal.ToString())], rights.ValidUntil);
    }

    /// <summary>As <see cref="Allows(Caller, AccessOperations, ResourceKind, string)"/>, with rights that were compiled before.</summary>
    internal static bool Allows(Caller caller, CompiledRights rights, AccessOperations operation, ResourceKind kind, string name)
    {
        if (kind == ResourceKind.Topic && name.StartsWith(ServicePrefix, StringComparison.Ordinal))
        {
            return caller.Principal.Kind == PrincipalKind.Service
                || (operation & ~(AccessOperations.Describe | AccessOperations.Read)) == AccessOperations.None
                && rights.On(ResourceKind.Cluster, AccessRight.ClusterName).HasFlag(AccessOperations.Admin);
        }

        return (rights.On(kind, name) & operation) == operation;
    }

    /// <summary>Demands a right.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="name">The resource's name.</param>
    /// <param name="what">The operation that asks, for the audit.</param>
    /// <exception cref="StreamException">As <see cref="DemandTopic"/>, <see cref="DemandGroup"/> and <see cref="DemandCluster"/>.</exception>
    public void Demand(Caller caller, AccessOperations operation, ResourceKind kind, string name, string what)
    {
        if (Find(caller, operation, kind, name, what) is { } refusal)
            throw new StreamException(refusal);
    }

    private StreamError? Find(Caller caller, AccessOperations operation, ResourceKind kind, string name, string what)
    {
        var (rights, error) = FindRights(caller.Principal);
        if (error is not null)
            return error;
        if (!Allows(caller, rights!, operation, kind, name))
            return Refuse(caller, what, operation, kind, name);
        return null;
    }

    private CompiledRights RightsOf(Caller caller)
    {
        var (rights, error) = FindRights(caller.Principal);
        return error is null ? rights! : throw new StreamException(error);
    }

    private (CompiledRights? Rights, StreamError? Error) FindRights(Principal principal)
    {
        if (IsOpen || principal.Kind == PrincipalKind.Service)
            return (Everything, null);
        if (_rules!.Current is not { } current)
            return (null, AccessRules.Unknown());
        var rights = principal.Rights;
        if (rights is null || !ReferenceEquals(rights.Rules, current))
            principal.Rights = rights = current.Compile(principal);
        return rights.IsRevoked || rights.ValidUntil is { } end && _time.GetUtcNow() >= end ? (null, Ended(principal)) : (rights, null);
    }

    private StreamError Refuse(Caller caller, string what, AccessOperations operation, ResourceKind kind, string name)
    {
        var error = ErrorFor(caller, operation, kind, name);
        GatewayInstruments.AccessRefused(kind.ToString());
        _audit?.Note(new AuditedCall(caller, caller.Call ?? what, operation, kind, name, AuditOutcome.Refused, error.Code));
        return error;
    }

    private StreamError ErrorFor(Caller caller, AccessOperations operation, ResourceKind kind, string name)
    {
        if (kind == ResourceKind.Topic && name.StartsWith(ServicePrefix, StringComparison.Ordinal) && (caller.IsSignedIn || IsOpen))
        {
            return new StreamError(
                StreamErrorCode.TopicAuthorizationFailed,
                $"Topics whose names begin with '{ServicePrefix}' are the service's own: whoever administers it may read them, and nobody else.")
            {
                Field = "topic",
            };
        }

        var words = WordsFor(operation, kind, name);
        if (!caller.IsSignedIn)
            return new StreamError(StreamErrorCode.SaslAuthenticationFailed, $"Sign in to {words}: whoever has not may not.");
        return new StreamError(
            kind switch
            {
                ResourceKind.Topic => StreamErrorCode.TopicAuthorizationFailed,
                ResourceKind.Group => StreamErrorCode.GroupAuthorizationFailed,
                _ => StreamErrorCode.ClusterAuthorizationFailed,
            },
            $"'{caller.Principal}' may not {words}.");
    }

    private static string WordsFor(AccessOperations operation, ResourceKind kind, string name) => (operation, kind) switch
    {
        (AccessOperations.Write, ResourceKind.Cluster) => "write to any topic",
        (AccessOperations.Admin, _) => "administer keys and rights",
        (AccessOperations.None, _) => "take a ticket",
        (_, _) when name.Length == 0 => $"list {Plural(kind)}",
        (_, ResourceKind.Cluster) => $"{Verb(operation)} the cluster",
        (_, ResourceKind.Group) => $"{Verb(operation)} group '{name}'",
        (AccessOperations.Write, _) => $"write to topic '{name}'",
        _ => $"{Verb(operation)} topic '{name}'",
    };

    private static string Verb(AccessOperations operation) => operation.ToString().ToLowerInvariant();

    private static string Plural(ResourceKind kind) => kind == ResourceKind.Topic ? "topics" : "groups";

    private static StreamError Ended(Principal principal) => new(
        StreamErrorCode.SaslAuthenticationFailed, $"What '{principal}' signed in with has expired or was revoked. Sign in anew.");
}

/// <summary>The names that a caller may see in a list.</summary>
public readonly struct VisibleNames
{
    private readonly Caller _caller;
    private readonly CompiledRights _rights;
    private readonly ResourceKind _kind;

    internal VisibleNames(Caller caller, CompiledRights rights, ResourceKind kind) =>
        (_caller, _rights, _kind) = (caller, rights, kind);

    /// <summary>True when the caller may see a name.</summary>
    /// <param name="name">The name.</param>
    public bool Contains(string name) => AccessControl.Allows(_caller, _rights, AccessOperations.Describe, _kind, name);
}
