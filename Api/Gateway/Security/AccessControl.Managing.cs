using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

public sealed partial class AccessControl
{
    /// <summary>Demands <see cref="AccessOperations.Manage"/> on a topic, manages the topic, and audits what came of it.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="caller">The caller.</param>
    /// <param name="topic">The topic's name.</param>
    /// <param name="manage">Manages it.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">As <see cref="DemandTopic"/>; or what <paramref name="manage"/> throws.</exception>
    public Task<T> ManageTopicAsync<T>(Caller caller, string topic, Func<Task<T>> manage, [CallerMemberName] string what = "") =>
        ManageAsync(caller, AccessOperations.Manage, ResourceKind.Topic, topic, manage, errorOf: null, detail: null, what);

    /// <summary>Demands <see cref="AccessOperations.Manage"/> on a group, manages the group, and audits what came of it.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="caller">The caller.</param>
    /// <param name="group">The group's name.</param>
    /// <param name="manage">Manages it.</param>
    /// <param name="errorOf">Returns the error in a result; null where errors are exceptions.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">As <see cref="DemandGroup"/>; or what <paramref name="manage"/> throws.</exception>
    public Task<T> ManageGroupAsync<T>(
        Caller caller, string group, Func<Task<T>> manage, Func<T, StreamError?>? errorOf = null, [CallerMemberName] string what = "") =>
        ManageAsync(caller, AccessOperations.Manage, ResourceKind.Group, group, manage, errorOf, detail: null, what);

    /// <summary>Demands <see cref="AccessOperations.Admin"/>, administers keys or rights, and audits what came of it.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="caller">The caller.</param>
    /// <param name="detail">The key or the right, without a secret; null for all of them.</param>
    /// <param name="administer">Administers them.</param>
    /// <param name="what">The operation of the gateway that asks, for the audit.</param>
    /// <exception cref="StreamException">As <see cref="DemandCluster"/>; or what <paramref name="administer"/> throws.</exception>
    public Task<T> AdministerAsync<T>(Caller caller, string? detail, Func<Task<T>> administer, [CallerMemberName] string what = "") =>
        ManageAsync(caller, AccessOperations.Admin, ResourceKind.Cluster, AccessRight.ClusterName, administer, errorOf: null, detail, what);

    private async Task<T> ManageAsync<T>(
        Caller caller, AccessOperations operation, ResourceKind kind, string name, Func<Task<T>> manage, Func<T, StreamError?>? errorOf,
        string? detail, string what)
    {
        Demand(caller, operation, kind, name, what);
        try
        {
            var result = await manage();
            Note(errorOf?.Invoke(result), isAnswered: true);
            return result;
        }
        catch (StreamException exception)
        {
            Note(exception.Error, isAnswered: true);
            throw;
        }
        catch
        {
            // A call that was lost, or whose caller went.
            Note(error: null, isAnswered: false);
            throw;
        }

        void Note(StreamError? error, bool isAnswered)
        {
            // The audit has no lines of the service itself. If a further right was refused, that demand has written its own line.
            if (_audit is null || caller.Principal.Kind == PrincipalKind.Service || error is not null && IsRefusal(error.Code))
                return;
            var outcome = !isAnswered || error is { OutcomeUnknown: true } ? AuditOutcome.Unknown : error is null ? AuditOutcome.Done
                : AuditOutcome.Failed;
            _audit.Note(new AuditedCall(caller, caller.Call ?? what, operation, kind, name, outcome, error?.Code, detail));
        }
    }

    private static bool IsRefusal(StreamErrorCode code) => code
        is StreamErrorCode.TopicAuthorizationFailed or StreamErrorCode.GroupAuthorizationFailed or StreamErrorCode.ClusterAuthorizationFailed
        or StreamErrorCode.SaslAuthenticationFailed;
}
