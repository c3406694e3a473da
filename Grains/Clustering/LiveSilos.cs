using OrleansStream.Cluster;

namespace OrleansStream.Clustering;

/// <summary>The active silos by this silo's view of the membership table.</summary>
/// <param name="silo">This silo.</param>
/// <param name="membership">Its view.</param>
internal sealed class LiveSilos(ILocalSiloDetails silo, IClusterMembershipService membership) : ILiveSilos
{
    private volatile View? _view;

    /// <inheritdoc/>
    public SiloAddress Own => silo.SiloAddress;

    /// <inheritdoc/>
    public IReadOnlyList<SiloAddress> Active
    {
        get
        {
            var snapshot = membership.CurrentSnapshot;
            if (_view is { } view && view.Snapshot == snapshot)
                return view.Active;
            SiloAddress[] active =
                [.. snapshot.Members.Where(member => member.Value.Status == SiloStatus.Active).Select(member => member.Key).Order()];
            // A snapshot also differs when another silo only joins or is suspected.
            if (_view is { } before && before.Active.AsSpan().SequenceEqual(active))
                active = before.Active;
            _view = new View(snapshot, active);
            return active;
        }
    }

    private sealed record View(ClusterMembershipSnapshot Snapshot, SiloAddress[] Active);
}
