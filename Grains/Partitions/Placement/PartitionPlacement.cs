using Orleans.Placement;

namespace OrleansStream.Partitions.Placement;

/// <summary>Spreads the partitions of each topic evenly over the silos, whichever silo calls them first.</summary>
internal sealed class PartitionPlacement : PlacementStrategy;

/// <summary>Places a grain, whose key is a <see cref="Partitions.PartitionKey"/>, by <see cref="PartitionPlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PartitionPlacementAttribute() : PlacementAttribute(new PartitionPlacement());
