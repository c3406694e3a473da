using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Rest.Http;

/// <summary>The right that the caller of an operation needs, as far as it can be known from the request's path.</summary>
internal sealed class OperationRight
{
    private readonly Action<AccessControl, Caller, HttpContext, string> _demand;

    private OperationRight(Action<AccessControl, Caller, HttpContext, string> demand) => _demand = demand;

    /// <summary>No right, and no sign-in: the operation tells nothing of what is stored.</summary>
    public static readonly OperationRight None = new((_, _, _, _) => { });

    /// <summary>No right, but a caller that has signed in, where callers do.</summary>
    public static readonly OperationRight SignedIn = new((access, caller, _, what) => access.DemandSignedIn(caller, what));

    /// <summary>True for <see cref="None"/>.</summary>
    public bool IsNone => ReferenceEquals(this, None);

    /// <summary>A right on the topic in the path.</summary>
    /// <param name="operation">What is done with the topic.</param>
    public static OperationRight OnTopic(AccessOperations operation) => new(
        (access, caller, context, what) => access.Demand(caller, operation, ResourceKind.Topic, NameOf(context, "topic"), what));

    /// <summary>A right on the group in the path.</summary>
    /// <param name="operation">What is done with the group.</param>
    /// <param name="orElse">What may be done instead, depending on the body.</param>
    public static OperationRight OnGroup(AccessOperations operation, AccessOperations? orElse = null) => new((access, caller, context, what) =>
    {
        var group = NameOf(context, "group");
        if (orElse is not { } other || !access.Allows(caller, other, ResourceKind.Group, group))
            access.Demand(caller, operation, ResourceKind.Group, group, what);
    });

    /// <summary>A right on the cluster.</summary>
    /// <param name="operation">What is done with the cluster.</param>
    public static OperationRight OnCluster(AccessOperations operation) => new(
        (access, caller, _, what) => access.Demand(caller, operation, ResourceKind.Cluster, AccessRight.ClusterName, what));

    /// <summary>A right on some topic, whichever it is.</summary>
    /// <param name="operation">What is done with it.</param>
    public static OperationRight OnSomeTopic(AccessOperations operation) =>
        new((access, caller, _, what) => access.DemandAnyTopic(caller, operation, what));

    /// <summary>To be told of resources, of those that the caller may describe.</summary>
    /// <param name="kind">The kind of resource.</param>
    public static OperationRight List(ResourceKind kind) => new((access, caller, _, what) => access.VisibleTo(caller, kind, what));

    /// <summary>Demands the right.</summary>
    /// <param name="access">Checks callers' rights.</param>
    /// <param name="context">The request, with its endpoint chosen.</param>
    /// <param name="what">The operation, for the audit.</param>
    /// <exception cref="StreamException">The caller has not signed in, or lacks the right.</exception>
    public void Demand(AccessControl access, HttpContext context, string what) => _demand(access, context.Caller(), context, what);

    private static string NameOf(HttpContext context, string parameter) => (string)context.Request.RouteValues[parameter]!;
}
