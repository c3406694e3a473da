using Microsoft.Extensions.Logging;
using OrleansStream.Partitions;
using OrleansStream.Randomness;

namespace OrleansStream.Topics.Routing;

/// <summary>What the routers of this process share to reach partitions.</summary>
/// <param name="partitions">Reaches the partitions' grains.</param>
/// <param name="led">The partitions that this process leads.</param>
/// <param name="time">Times the pauses between tries.</param>
/// <param name="logger">Logs failures that nobody foresaw.</param>
/// <param name="random">Where random choices come from; null for <see cref="RandomSource.System"/>.</param>
internal sealed class PartitionAccess(
    GrainLookup<IPartitionGrain> partitions, OpenPartitionIndex led, TimeProvider time, ILogger logger, RandomSource? random = null)
{
    /// <summary>Keeps the order of appends.</summary>
    public AppendOrder Order { get; } = new(partitions, led);

    /// <summary>The calls other than appends.</summary>
    public PartitionCalls Calls { get; } = new(partitions, led, time, logger);

    /// <summary>The memory of records that are written anew before they are stored.</summary>
    public RewriteMemory Rewrites { get; } = new();

    /// <summary>Where random choices come from.</summary>
    public RandomSource Random { get; } = random ?? RandomSource.System;

    /// <summary>The log for failures that nobody foresaw.</summary>
    public ILogger Logger => logger;
}
