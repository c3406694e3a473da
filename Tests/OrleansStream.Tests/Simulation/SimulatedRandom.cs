namespace OrleansStream.Tests.Simulation;

/// <summary>A seeded source of chance (SplitMix64): the same seed gives the same run on every machine and runtime.</summary>
internal sealed class SimulatedRandom(ulong seed)
{
    // Scrambled: the states of one stream are a constant apart, so that neighbouring seeds would else draw the same numbers, one behind.
    private ulong _state = Scramble(seed);

    public ulong NextBits()
    {
        _state += 0x9E37_79B9_7F4A_7C15;
        return Scramble(_state);
    }

    private static ulong Scramble(ulong bits)
    {
        bits = (bits ^ (bits >> 30)) * 0xBF58_476D_1CE4_E5B9;
        bits = (bits ^ (bits >> 27)) * 0x94D0_49BB_1331_11EB;
        return bits ^ (bits >> 31);
    }

    /// <summary>A number from 0 to below the bound.</summary>
    public int Next(int bound) => (int)(NextBits() % (ulong)bound);

    /// <summary>A number between two bounds, both of them included.</summary>
    public int Between(int least, int most) => least + Next(most - least + 1);

    public bool Chance(int permille) => Next(1000) < permille;

    /// <summary>A span of time between two bounds, mostly near the lower one: as latencies are.</summary>
    public TimeSpan Span(double leastMs, double mostMs)
    {
        var part = (NextBits() >> 11) * (1.0 / (1UL << 53));
        return TimeSpan.FromMilliseconds(leastMs + ((mostMs - leastMs) * part * part));
    }

    public T Pick<T>(IReadOnlyList<T> items) => items[Next(items.Count)];

    public void Fill(Span<byte> bytes)
    {
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = (byte)NextBits();
    }
}
