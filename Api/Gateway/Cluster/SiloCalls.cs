using System.Collections.Immutable;
using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Cluster;

/// <summary>
/// Asks silos what every Kafka client is told: where clients connect, and by which epochs partitions are led. None of it is a secret, and nothing
/// stored is given.
/// </summary>
/// <param name="grains">The way to the silos.</param>
/// <param name="time">Times the wait for an answer.</param>
public sealed class SiloCalls(IGrainFactory grains, TimeProvider time)
{
    /// <summary>Asks a silo for its broker.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="waitMax">When it is given up.</param>
    /// <returns>
    /// The address of the silo's broker, null while it is not known: the silo may be starting, be of an earlier version, or have gone. And whether
    /// the silo has told that it serves no Kafka clients; null when it did not answer.
    /// </returns>
    public async Task<(BrokerAddress? Address, bool? HasNone)> FindBrokerAsync(SiloAddress silo, TimeSpan waitMax)
    {
        try
        {
            var asked = grains.GetGrain<ISiloGrain>(silo.ToParsableString());
            return await AskAsync(asked).WaitAsync(waitMax, time);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception) || exception is StreamException)
        {
            return (null, HasNone: null);
        }

        static async Task<(BrokerAddress?, bool?)> AskAsync(ISiloGrain silo) =>
            await silo.FindBrokerAsync() is { } address ? (address, false) : (null, !await silo.HasBrokerAsync());
    }

    /// <summary>Asks a silo for the epochs by which it leads partitions.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="partitions">The partitions.</param>
    /// <returns>The epoch of each, in their order, 0 where the silo does not have it open; empty when the silo did not answer.</returns>
    public async Task<ImmutableArray<int>> FindLeaderEpochsAsync(SiloAddress silo, ImmutableArray<PartitionKey> partitions)
    {
        try
        {
            return await grains.GetGrain<ISiloGrain>(silo.ToParsableString()).FindLeaderEpochsAsync(partitions);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception) || exception is StreamException)
        {
            return [];
        }
    }
}
