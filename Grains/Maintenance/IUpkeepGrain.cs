namespace OrleansStream.Maintenance;

/// <summary>Sees to partitions that nobody uses: retention must not wait for a reader. One grain, key <see cref="Key"/>.</summary>
[Alias("os.IUpkeepGrain"), GrainInterfaceType("OrleansStream.Upkeep.IUpkeepGrain")]
internal interface IUpkeepGrain : IGrainWithStringKey
{
    /// <summary>The one key.</summary>
    const string Key = "upkeep";

    /// <summary>Starts a sweep when one is due and none is under way; it does not wait for its end.</summary>
    [Alias("TickAsync")]
    Task TickAsync();
}
