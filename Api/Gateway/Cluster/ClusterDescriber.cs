using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Cluster;

/// <summary>Describes the silos of the cluster.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="lost">Repeats reads whose reply was lost.</param>
/// <param name="time">Times the wait for each silo.</param>
public sealed class ClusterDescriber(AccessControl access, IGrainFactory grains, LostReads lost, TimeProvider time)
{
    /// <summary>Describes every silo that is active, in the order of their addresses.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public async Task<IReadOnlyList<SiloDescription>> DescribeAsync(Caller caller, CancellationToken cancellationToken)
    {
        access.DemandCluster(caller, AccessOperations.Describe);
        var silos = await lost.RepeatAsync(
            () => new ValueTask<Dictionary<SiloAddress, SiloStatus>>(
                grains.GetGrain<IManagementGrain>(0).GetHosts(onlyActive: true, cancellationToken)),
            cancellationToken);
        return await Task.WhenAll(silos.Keys.Order().Select(silo => DescribeAsync(silo, cancellationToken)));
    }

    private async Task<SiloDescription> DescribeAsync(SiloAddress silo, CancellationToken cancellationToken)
    {
        try
        {
            var usage = await grains.GetGrain<ISiloGrain>(silo.ToParsableString()).DescribeAsync()
                .AsTask().WaitAsync(ClusterDescriptionLimits.SiloAnswerMax, time, cancellationToken);
            return new SiloDescription(silo.Endpoint.ToString(), usage);
        }
        catch (Exception exception) when (exception is OrleansException or TimeoutException or StreamException)
        {
            return new SiloDescription(silo.Endpoint.ToString(), Usage: null);
        }
    }
}

/// <summary>A silo of the cluster.</summary>
/// <param name="Address">Where it is reached by the others.</param>
/// <param name="Usage">The partitions that it leads, and its use of the storage; null when it did not answer in time.</param>
public sealed record SiloDescription(string Address, SiloUsage? Usage);
