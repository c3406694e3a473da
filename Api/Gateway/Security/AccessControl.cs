using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// The one place that decides who may do what. Every operation of the gateway demands its right here before it does anything; what nobody
/// gave a right to is refused.
/// </summary>
/// <remarks>
/// Topics whose names begin with <see cref="ServicePrefix"/> are the service's own: it alone writes and manages them, and whoever has
/// <see cref="AccessOperations.Admin"/> may read them. Safe for any thread; a demand that is met costs a look-up and no memory.
/// </remarks>
public sealed class AccessControl
{
    /// <summary>What the names of the service's own topics begin with.</summary>
    public const string ServicePrefix = "__";

    private readonly ConcurrentDictionary<AccessWatch, bool> _watches = [];
    private readonly AccessRules? _rules;
    private readonly TimeProvider _time;
    private readonly IAudit? _audit;

    /// <summary>Creates an instance.</summary>
    /// <param name="rules">The keys and rights; null to allow everything.</param>
    /// <param name="time">The clock.</param>
    /// <param name="audit">Takes note of who manages what, and of what is refused; null where nobody does.</param>
    public AccessControl(AccessRules? rules, TimeProvider time, IAudit? audit = null)
    {
        (_rules, _time, _audit) = (rules, time, audit);
        if (rules is { IsOpen: false })
            rules.Asked += CheckWatches;
    }

    private static readonly CompiledRights Everything = new(rules: null, [AccessRole.Admin], [], validUntil: null);

    /// <summary>Where nobody signs in: everybody may do everything.</summary>
    public static readonly AccessControl Open = new(rules: null, TimeProvider.System);

    /// <summary>True where nobody signs in.</summary>
    public bool IsOpen => _rules is null or { IsOpen: true };

    /// <summary>Demands a right on a topic.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.TopicAuthorizationFailed"/>; <see cref="StreamErrorCode.SaslAuthenticationFailed"/> when it has not signed in, or its
    /// key has ended; or nobody knows who may do what just now.
    /// </exception>
    public void DemandTopic(Caller caller, AccessOperations operation, string topic, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Topic, topic, what);

    /// <summary>Finds out whether a caller lacks a right on a topic, without an exception.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <returns>Null, or what <see cref="DemandTopic"/> would throw.</returns>
    public StreamError? FindRefusal(Caller caller, AccessOperations operation, string topic, [CallerMemberName] string what = "") =>
        Find(caller, operation, ResourceKind.Topic, topic, what);

    /// <summary>Demands a right on a group.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.GroupAuthorizationFailed"/>; or as <see cref="DemandTopic"/>.</exception>
    public void DemandGroup(Caller caller, AccessOperations operation, string group, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Group, group, what);

    /// <summary>Finds out whether a caller lacks a right on a group, without an exception.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <returns>Null, or what <see cref="DemandGroup"/> would throw.</returns>
    public StreamError? FindGroupRefusal(Caller caller, AccessOperations operation, string group, [CallerMemberName] string what = "") =>
        Find(caller, operation, ResourceKind.Group, group, what);

    /// <summary>Demands a right on the cluster.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.ClusterAuthorizationFailed"/>; or as <see cref="DemandTopic"/>.</exception>
    public void DemandCluster(Caller caller, AccessOperations operation, [CallerMemberName] string what = "") =>
        Demand(caller, operation, ResourceKind.Cluster, AccessRight.ClusterName, what);

    /// <summary>Demands a right on some topic, whichever it is: for what belongs to no topic, as a producer's id does.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.ClusterAuthorizationFailed"/>, as Kafka has it (KIP-679); or as <see cref="DemandTopic"/>.</exception>
    public void DemandAnyTopic(Caller caller, AccessOperations operation, [CallerMemberName] string what = "")
    {
        if ((RightsOf(caller).OnAny(ResourceKind.Topic) & operation) != operation)
            throw new StreamException(Refuse(new AuditedCall(caller, what, operation, ResourceKind.Cluster, AccessRight.ClusterName, IsAllowed: false)));
    }

    /// <summary>Demands no right, but that the caller has signed in where callers do: for what gives it nothing that it has not.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.SaslAuthenticationFailed"/>: it has not, or its key has ended; or nobody knows just now.</exception>
    public void DemandSignedIn(Caller caller, [CallerMemberName] string what = "")
    {
        RightsOf(caller);
        if (!caller.IsSignedIn && !IsOpen)
            throw new StreamException(Refuse(new AuditedCall(caller, what, AccessOperations.None, ResourceKind.Cluster, AccessRight.ClusterName, IsAllowed: false)));
    }

    /// <summary>Tells whether a right is there. For what is left out of an answer where it is not; what is done is demanded.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it is about to do.</param>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="name">The resource's name.</param>
    /// <exception cref="StreamException">Its key has ended; or nobody knows who may do what just now.</exception>
    public bool Allows(Caller caller, AccessOperations operation, ResourceKind kind, string name) =>
        Allows(caller, RightsOf(caller), operation, kind, name);

    /// <summary>What a caller sees of a list: it is told of nothing that it may not describe.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="kind">The kind of what is listed.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.SaslAuthenticationFailed"/>: it has not signed in, and sees nothing at all; or as <see cref="DemandTopic"/>.</exception>
    public VisibleNames VisibleTo(Caller caller, ResourceKind kind, [CallerMemberName] string what = "")
    {
        var rights = RightsOf(caller);
        return caller.IsSignedIn || rights.OnAny(kind) != AccessOperations.None
            ? new VisibleNames(caller, rights, kind)
            : throw new StreamException(Refuse(new AuditedCall(caller, what, AccessOperations.Describe, kind, Name: "", IsAllowed: false)));
    }

    /// <summary>Watches a right on a topic while its caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it waits to do.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    public AccessWatch WatchTopic(
        Caller caller, AccessOperations operation, string topic, CancellationToken cancellationToken, [CallerMemberName] string what = "") =>
        Watch(caller, () => Find(caller, operation, ResourceKind.Topic, topic, what), cancellationToken);

    /// <summary>Watches a right on a group while its caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">What it waits to do.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    public AccessWatch WatchGroup(
        Caller caller, AccessOperations operation, string group, CancellationToken cancellationToken, [CallerMemberName] string what = "") =>
        Watch(caller, () => Find(caller, operation, ResourceKind.Group, group, what), cancellationToken);

    /// <summary>Watches any rights while their caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="findRefusal">Finds the first right that the caller lacks; null when it has all. It is called whenever keys and rights have changed.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    public AccessWatch Watch(Caller caller, Func<StreamError?> findRefusal, CancellationToken cancellationToken) => IsOpen
        ? new AccessWatch(cancellationToken)
        : new AccessWatch(_watches, () => FindRights(caller.Principal).Error, findRefusal, _rules!.Current, cancellationToken);

    /// <summary>Watches a connection, which ends when its caller has to sign in anew. That the store does not answer does not end it.</summary>
    /// <param name="principal">Returns the principal that is signed in at the moment.</param>
    /// <param name="cancellationToken">Ends with the connection.</param>
    public AccessWatch WatchSignIn(Func<Principal> principal, CancellationToken cancellationToken) => IsOpen
        ? new AccessWatch(cancellationToken)
        : new AccessWatch(
            _watches, () => FindRights(principal()).Error is { Code: StreamErrorCode.SaslAuthenticationFailed } ended ? ended : null,
            () => null, _rules!.Current, cancellationToken);

    private void CheckWatches()
    {
        var current = _rules!.Current;
        foreach (var (watch, _) in _watches)
            watch.Check(current);
    }

    /// <summary>As <see cref="Allows(Caller, AccessOperations, ResourceKind, string)"/>, by rights that are known.</summary>
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

    private void Demand(Caller caller, AccessOperations operation, ResourceKind kind, string name, string what)
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
            return Refuse(new AuditedCall(caller, what, operation, kind, name, IsAllowed: false));
        if (operation >= AccessOperations.Manage && caller.Principal.Kind != PrincipalKind.Service)
            _audit?.Note(new AuditedCall(caller, what, operation, kind, name, IsAllowed: true));
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

    private StreamError Refuse(AuditedCall call)
    {
        _audit?.Note(call);
        var (caller, _, operation, kind, name, _) = call;
        if (kind == ResourceKind.Topic && name.StartsWith(ServicePrefix, StringComparison.Ordinal) && (caller.IsSignedIn || IsOpen))
        {
            return new StreamError(
                StreamErrorCode.TopicAuthorizationFailed,
                $"Topics whose names begin with '{ServicePrefix}' are the service's own: whoever administers it may read them, and nobody else.")
            {
                Field = "topic",
            };
        }

        var what = WordsFor(operation, kind, name);
        if (!caller.IsSignedIn)
            return new StreamError(StreamErrorCode.SaslAuthenticationFailed, $"Sign in to {what}: whoever has not may not.");
        return new StreamError(
            kind switch
            {
                ResourceKind.Topic => StreamErrorCode.TopicAuthorizationFailed,
                ResourceKind.Group => StreamErrorCode.GroupAuthorizationFailed,
                _ => StreamErrorCode.ClusterAuthorizationFailed,
            },
            $"'{caller.Principal}' may not {what}.");
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

/// <summary>What a caller sees of a list.</summary>
public readonly struct VisibleNames
{
    private readonly Caller _caller;
    private readonly CompiledRights _rights;
    private readonly ResourceKind _kind;

    internal VisibleNames(Caller caller, CompiledRights rights, ResourceKind kind) =>
        (_caller, _rights, _kind) = (caller, rights, kind);

    /// <summary>True when a name is told.</summary>
    /// <param name="name">The name.</param>
    public bool Contains(string name) => AccessControl.Allows(_caller, _rights, AccessOperations.Describe, _kind, name);
}
