namespace OrleansStream;

/// <summary>References to grains of one interface, for the ways that every record takes.</summary>
/// <remarks>
/// <see cref="IGrainFactory"/> reads the interface's attributes by reflection and writes its name anew for each reference (Orleans 10.4).
/// What it finds never changes, so it is asked once. Safe for any thread.
/// </remarks>
/// <typeparam name="TGrain">The interface.</typeparam>
/// <param name="grains">Asked for the first one.</param>
public sealed class GrainLookup<TGrain>(IGrainFactory grains)
    where TGrain : IGrainWithStringKey
{
    private Kind? _kind;

    /// <summary>The grain with a key.</summary>
    /// <param name="key">The key.</param>
    public TGrain Get(string key)
    {
        if (_kind is { } kind)
            return (TGrain)grains.GetGrain(GrainId.Create(kind.Grain, key), kind.Interface);
        var first = grains.GetGrain<TGrain>(key);
        if (first is GrainReference reference)
            _kind = new Kind(reference.GrainId.Type, reference.InterfaceType);
        return first;
    }

    private sealed record Kind(GrainType Grain, GrainInterfaceType Interface);
}
