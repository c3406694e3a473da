using Orleans.Concurrency;
using OrleansStream.Cluster;
using OrleansStream.Errors;

namespace OrleansStream.Clustering;

/// <summary>Tells of its silo.</summary>
[Reentrant, SiloPlacement, GrainType("silo")]
internal sealed class SiloGrain(ILocalSiloDetails silo, ISiloMeter meter) : Grain, ISiloGrain
{
    /// <inheritdoc/>
    public ValueTask<SiloUsage> DescribeAsync()
    {
        if (silo.SiloAddress.ToParsableString() == this.GetPrimaryKeyString())
            return ValueTask.FromResult(meter.Read());
        // The silo that was asked for has gone, and this is another.
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
