namespace OrleansStream.Cluster;

/// <summary>The silos of the cluster as the silo in this process knows them. It is registered only in a process with a silo.</summary>
/// <remarks>Safe to call from any thread.</remarks>
public interface ILiveSilos
{
    /// <summary>The silo in this process.</summary>
    SiloAddress Own { get; }

    /// <summary>
    /// The active silos, in the order of their addresses. The same list is returned until they change; it is empty before the start.
    /// </summary>
    IReadOnlyList<SiloAddress> Active { get; }
}
