using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Partitions;

namespace OrleansStream.Clustering;

/// <summary>Tells of its silo.</summary>
/// <param name="silo">This silo.</param>
/// <param name="meter">Measures it.</param>
/// <param name="led">The partitions that it leads.</param>
/// <param name="broker">It as a Kafka broker; null where the process cannot be one.</param>
[Reentrant, SiloPlacement, GrainType("silo")]
internal sealed class SiloGrain(ILocalSiloDetails silo, ISiloMeter meter, LedPartitions led, IBroker? broker = null) : Grain, ISiloGrain
{
    /// <inheritdoc/>
    public ValueTask<SiloUsage> DescribeAsync()
    {
        RequireAskedSilo();
        return ValueTask.FromResult(meter.Read());
    }

    /// <inheritdoc/>
    public ValueTask<BrokerAddress?> FindBrokerAsync()
    {
        RequireAskedSilo();
        return ValueTask.FromResult(broker?.Address);
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<int>> FindLeaderEpochsAsync(ImmutableArray<PartitionKey> partitions)
    {
        RequireAskedSilo();
        return ValueTask.FromResult<ImmutableArray<int>>([.. partitions.Select(key => led.Find(key)?.Log.Epoch ?? 0)]);
    }

    private void RequireAskedSilo()
    {
        if (silo.SiloAddress.ToParsableString() == this.GetPrimaryKeyString())
            return;
        // The silo of the key has gone, and this activation is on another silo.
        DeactivateOnIdle();
        throw new StreamException(new StreamError(StreamErrorCode.NotLeaderOrFollower, "The silo has left the cluster."));
    }
}

/// <summary>Measures this process's silo.</summary>
internal interface ISiloMeter
{
    /// <summary>What the silo holds and asks of its storage now.</summary>
    SiloUsage Read();
}
