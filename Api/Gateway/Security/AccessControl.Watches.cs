using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

public sealed partial class AccessControl
{
    /// <summary>Watches a right on a topic while its caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    public AccessWatch WatchTopic(
        Caller caller, AccessOperations operation, string topic, CancellationToken cancellationToken, [CallerMemberName] string what = "") =>
        Watch(caller, () => Find(caller, operation, ResourceKind.Topic, topic, what), cancellationToken);

    /// <summary>Watches a right on a group while its caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="operation">The operation that needs the right.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    public AccessWatch WatchGroup(
        Caller caller, AccessOperations operation, string group, CancellationToken cancellationToken, [CallerMemberName] string what = "") =>
        Watch(caller, () => Find(caller, operation, ResourceKind.Group, group, what), cancellationToken);

    /// <summary>Watches any rights while their caller waits.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="findRefusal">
    /// Finds the first right that the caller lacks; null when it has all. It is called whenever keys and rights have changed.
    /// </param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    public AccessWatch Watch(Caller caller, Func<StreamError?> findRefusal, CancellationToken cancellationToken) => IsOpen
        ? new AccessWatch(cancellationToken)
        : new AccessWatch(_watches, () => FindRights(caller.Principal).Error, findRefusal, _rules!.Current, cancellationToken);

    /// <summary>
    /// Watches the sign-in of a connection, which ends when its client has to sign in anew. An outage of the store does not end it.
    /// </summary>
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
}
