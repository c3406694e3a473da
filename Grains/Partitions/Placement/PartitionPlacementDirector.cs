using Orleans.Runtime.Placement;

namespace OrleansStream.Partitions.Placement;

/// <summary>Places a partition on the silo that <see cref="PartitionHome"/> chooses.</summary>
internal sealed class PartitionPlacementDirector : IPlacementDirector
{
    /// <inheritdoc/>
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context) =>
        Task.FromResult(PartitionHome.Find(
            PartitionKey.Parse(target.GrainIdentity.Key.ToString()!), context.GetCompatibleSilos(target)));
}
