namespace OrleansStream.Hosting;

/// <summary>Tells whether this process's silo takes work: false before it has joined its cluster, and once it is leaving.</summary>
/// <param name="status">The silo's own view of itself.</param>
public sealed class SiloReadiness(ISiloStatusOracle status)
{
    /// <summary>True while the silo is active.</summary>
    public bool IsReady => status.CurrentStatus == SiloStatus.Active;
}
