using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Cluster;

/// <summary>Describes the silos and the Api nodes of the cluster.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
/// <param name="time">Times each wait.</param>
public sealed class ClusterDescriber(AccessControl access, IGrainFactory grains, LostReads lost, TimeProvider time)
{
    /// <summary>Describes every silo that is active, and every Api node that announces itself, each in the order of their addresses.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public async Task<ClusterDescription> DescribeAsync(Caller caller, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Describe);
        var silos = await lost.RepeatAsync(
            () => new ValueTask<Dictionary<SiloAddress, SiloStatus>>(
                grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true, cancellationToken)),
            cancellationToken);
        var nodes = AskAsync(() => grains.GetGrain<IApiNodesGrain>(IApiNodesGrain.Key).ListAsync(), cancellationToken);
        return new ClusterDescription(await Task.WhenAll(silos.Keys.Order().Select(silo => DescribeAsync(silo, cancellationToken))), await nodes);
    }

    private async Task<SiloDescription> DescribeAsync(SiloAddress silo, CancellationToken cancellationToken) => new(
        silo.Endpoint.ToString(),
        await AskAsync(() => grains.GetGrain<ISiloGrain>(silo.ToParsableString()).DescribeAsync(), cancellationToken));

    /// <returns>Null when no answer came in time.</returns>
    private async Task<T?> AskAsync<T>(Func<ValueTask<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().AsTask().WaitAsync(ClusterDescriptionLimits.AnswerMax, time, cancellationToken);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken) || exception is StreamException or ArgumentException)
        {
            // ArgumentException: during an upgrade no silo may know the grain yet.
            return default;
        }
    }
}

/// <summary>The cluster.</summary>
/// <param name="Silos">Its active silos, by address.</param>
/// <param name="ApiNodes">Its Api nodes, by address; null when they cannot be had just now.</param>
public sealed record ClusterDescription(IReadOnlyList<SiloDescription> Silos, IReadOnlyList<HeardApiNode>? ApiNodes);

/// <summary>A silo of the cluster.</summary>
/// <param name="Address">Where it is reached by the others.</param>
/// <param name="Usage">The partitions that it leads, and its use of the storage; null when it did not answer in time.</param>
public sealed record SiloDescription(string Address, SiloUsage? Usage);
