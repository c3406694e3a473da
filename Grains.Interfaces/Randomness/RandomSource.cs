namespace OrleansStream.Randomness;

/// <summary>
/// Where random choices and new ids come from. It is injected as <see cref="TimeProvider"/> is, so that a test or a simulation can give a seeded one
/// and repeat a run.
/// </summary>
/// <remarks>Safe to call from any thread. Its values can be guessed, so no secret may come from it.</remarks>
public class RandomSource
{
    /// <summary>The source of a running service.</summary>
    public static RandomSource System { get; } = new();

    /// <summary>Makes a new id. No other call returns it.</summary>
    public virtual Guid NewId() => Guid.NewGuid();

    /// <summary>Chooses a number from 0 up to, but not including, 1.</summary>
    public virtual double NextDouble() => Random.Shared.NextDouble();

    /// <summary>Chooses bytes.</summary>
    /// <param name="bytes">Takes them.</param>
    public virtual void Fill(Span<byte> bytes) => Random.Shared.NextBytes(bytes);

    /// <summary>Chooses a whole number from 0 up to, but not including, a bound.</summary>
    /// <param name="end">The bound, at least 1.</param>
    public int Next(int end) => (int)(NextDouble() * end);

    /// <summary>Puts items into a random order.</summary>
    /// <typeparam name="T">What they are.</typeparam>
    /// <param name="items">The items.</param>
    public void Shuffle<T>(Span<T> items)
    {
        for (var last = items.Length - 1; last > 0; last--)
        {
            var other = Next(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }
}
