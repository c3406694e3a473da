namespace OrleansStream.Maintenance;

/// <summary>
/// Maintains partitions that nobody uses, because retention must not wait for a reader. There is one grain, with key <see cref="Key"/>.
/// </summary>
/// <remarks>Its names on the wire are older than its name here: silos of both versions reach it.</remarks>
[Alias("os.IUpkeepGrain"), GrainInterfaceType("OrleansStream.Upkeep.IUpkeepGrain")]
internal interface IMaintenanceGrain : IGrainWithStringKey
{
    /// <summary>The key of the one grain.</summary>
    const string Key = "upkeep";

    /// <summary>Starts a sweep if one is due and none is under way. It does not wait for the sweep's end.</summary>
    [Alias("TickAsync")]
    Task TickAsync();
}
