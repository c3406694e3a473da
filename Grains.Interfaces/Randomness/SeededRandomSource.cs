namespace OrleansStream.Randomness;

/// <summary>Random choices and ids that a seed determines: two sources with one seed return the same values in the same order.</summary>
/// <remarks>Safe to call from any thread, but only calls in a fixed order get fixed values.</remarks>
/// <param name="seed">The seed.</param>
public sealed class SeededRandomSource(int seed) : RandomSource
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);

    /// <inheritdoc/>
    public override Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        Fill(bytes);
        return new Guid(bytes);
    }

    /// <inheritdoc/>
    public override void Fill(Span<byte> bytes)
    {
        lock (_gate)
            _random.NextBytes(bytes);
    }

    /// <inheritdoc/>
    public override double NextDouble()
    {
        lock (_gate)
            return _random.NextDouble();
    }
}
