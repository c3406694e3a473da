using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace OrleansStream.Clustering;

/// <summary>Places a grain on the silo that its key names; on any other when that one is gone.</summary>
internal sealed class SiloPlacement : PlacementStrategy;

/// <summary>Marks a grain to be placed so.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class SiloPlacementAttribute() : PlacementAttribute(new SiloPlacement());

/// <summary>Finds the silo.</summary>
internal sealed class SiloPlacementDirector : IPlacementDirector
{
    /// <inheritdoc/>
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var silos = context.GetCompatibleSilos(target);
        var named = SiloAddress.FromParsableString(target.GrainIdentity.Key.ToString()!);
        return Task.FromResult(silos.Contains(named) ? named : silos[0]);
    }
}
