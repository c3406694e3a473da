namespace OrleansStream;

/// <summary>Makes references to grains of one interface, for calls that every record needs.</summary>
/// <remarks>
/// For each reference <see cref="IGrainFactory"/> reads the interface's attributes by reflection and writes its name anew (Orleans 10.4). The result
/// never changes, so this class asks it only once. Safe to call from any thread.
/// </remarks>
/// <typeparam name="TGrain">The interface.</typeparam>
/// <param name="grains">Makes the first reference.</param>
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
