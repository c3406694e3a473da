using System.Collections.Immutable;
using Orleans.Concurrency;
using OrleansStream.Cluster;
using OrleansStream.Errors;
using OrleansStream.Partitions;
using OrleansStream.Storage;

namespace OrleansStream.Clustering;

/// <summary>Tells of its silo.</summary>
/// <remarks>Reentrant: it has no state of its own, and no call awaits anything.</remarks>
/// <param name="silo">This silo.</param>
/// <param name="meter">Measures it.</param>
/// <param name="led">The partitions that it leads.</param>
/// <param name="open">The same, to be listed.</param>
/// <param name="segments">Tells how many copies it keeps.</param>
/// <param name="broker">It as a Kafka broker; null where the process cannot be one.</param>
[Reentrant, SiloPlacement, GrainType("silo")]
internal sealed class SiloGrain(
    ILocalSiloDetails silo, ISiloMeter meter, OpenPartitionIndex led, OpenPartitions open, ISegmentStore segments, IBroker? broker = null)
    : Grain, ISiloGrain
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
    public ValueTask<bool> HasBrokerAsync()
    {
        RequireAskedSilo();
        return ValueTask.FromResult(broker is { IsServing: true });
    }

    /// <inheritdoc/>
    public ValueTask<SiloMeasurement> MeasureAsync()
    {
        RequireAskedSilo();
        return ValueTask.FromResult(new SiloMeasurement(
            broker?.Address, segments.Limits.ReplicationFactor, [.. open.Partitions.GroupBy(partition => partition.Key.TopicId).Select(Measure)]));
    }

    /// <inheritdoc/>
    public ValueTask<ImmutableArray<int>> FindLeaderEpochsAsync(ImmutableArray<PartitionKey> partitions)
    {
        RequireAskedSilo();
        return ValueTask.FromResult<ImmutableArray<int>>([.. partitions.Select(key => led.Find(key)?.Log.Epoch ?? 0)]);
    }

    private static MeasuredTopic Measure(IGrouping<Guid, OpenPartition> partitions)
    {
        var topic = partitions.First().Topic;
        return new MeasuredTopic(topic.Id, topic.Name, partitions.Max(partition => partition.Topic.PartitionCount), [.. partitions.Select(Measure)]);
    }

    private static MeasuredPartition Measure(OpenPartition partition)
    {
        var (start, end) = partition.Log.Bounds;
        return new MeasuredPartition(partition.Key.Partition, start, end);
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
