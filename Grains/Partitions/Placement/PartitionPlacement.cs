using Orleans.Placement;

namespace OrleansStream.Partitions.Placement;

/// <summary>Spreads the partitions of each topic evenly over the silos, whoever calls them first.</summary>
internal sealed class PartitionPlacement : PlacementStrategy;

/// <summary>Marks a grain whose key is a <see cref="Partitions.PartitionKey"/> to be placed so.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class PartitionPlacementAttribute() : PlacementAttribute(new PartitionPlacement());
