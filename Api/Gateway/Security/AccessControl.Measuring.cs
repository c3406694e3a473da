using System.Runtime.CompilerServices;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <content>Who is told metrics.</content>
public sealed partial class AccessControl
{
    // Kafka's name for every name.
    private const string EveryName = "*";

    /// <summary>Demands the rights to describe the cluster, all topics and all groups, because metrics tell of all of them.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="what">The operation that asks, for the audit.</param>
    /// <exception cref="StreamException">As <see cref="DemandCluster"/>, <see cref="DemandTopic"/> and <see cref="DemandGroup"/>.</exception>
    public void DemandMetrics(Caller caller, [CallerMemberName] string what = "")
    {
        DemandCluster(caller, AccessOperations.Describe, what);
        var rights = RightsOf(caller);
        foreach (var kind in (ResourceKind[])[ResourceKind.Topic, ResourceKind.Group])
        {
            if (!rights.OnAll(kind).HasFlag(AccessOperations.Describe))
                throw new StreamException(Refuse(caller, what, AccessOperations.Describe, kind, EveryName));
        }
    }
}
