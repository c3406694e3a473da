namespace OrleansStream.Maintenance;

/// <summary>
/// Maintains partitions that nobody uses, because retention must not wait for a reader. There is one grain, with key <see cref="Key"/>.
/// </summary>
[Alias("os.IUpkeepGrain"), GrainInterfaceType("OrleansStream.Upkeep.IUpkeepGrain")]
internal interface IUpkeepGrain : IGrainWithStringKey
{
    /// <summary>The key of the one grain.</summary>
    const string Key = "upkeep";

    /// <summary>Starts a sweep if one is due and none is under way. It does not wait for the sweep's end.</summary>
    [Alias("TickAsync")]
    Task TickAsync();
}
