namespace OrleansStream.Cli.Performance;

/// <summary>
/// Counts durations in classes that grow by a fixed part, so that any count of them takes the same memory and each percentile is within 2.2 % of what
/// was measured. It is not for two threads at once.
/// </summary>
internal sealed class Latencies
{
    private const double Smallest = 0.000_001, Largest = 3_600;
    private const int ClassesPerDoubling = 32;

    private readonly long[] _counts = new long[ClassOf(Largest) + 1];

    /// <summary>How many durations were counted.</summary>
    public long Count { get; private set; }

    /// <summary>The longest, in seconds.</summary>
    public double Max { get; private set; }

    /// <summary>Counts a duration. One below a microsecond or above an hour is counted as that bound, except in <see cref="Max"/>.</summary>
    public void Add(double seconds)
    {
        _counts[ClassOf(Math.Clamp(seconds, Smallest, Largest))]++;
        Count++;
        Max = Math.Max(Max, seconds);
    }

    /// <summary>The duration that a part of them did not exceed, in seconds; 0 when there are none.</summary>
    /// <param name="part">The part, from 0 to 1.</param>
    public double Percentile(double part)
    {
        var wanted = (long)Math.Ceiling(part * Count);
        for (long i = 0, seen = 0; i < _counts.Length; i++)
        {
            seen += _counts[i];
            if (seen >= wanted && seen > 0)
                return Math.Min(Max, UpperEnd((int)i));
        }

        return 0;
    }

    /// <summary>The durations by doublings, from the first that has any to the last.</summary>
    public IEnumerable<(double UpTo, long Count)> Histogram()
    {
        var doublings = _counts.Chunk(ClassesPerDoubling).Select((classes, index) => (
            UpTo: UpperEnd((index + 1) * ClassesPerDoubling - 1), Count: classes.Sum())).ToList();
        var first = doublings.FindIndex(doubling => doubling.Count > 0);
        return first < 0 ? [] : doublings[first..(doublings.FindLastIndex(doubling => doubling.Count > 0) + 1)];
    }

    private static int ClassOf(double seconds) => (int)(Math.Log2(seconds / Smallest) * ClassesPerDoubling);

    private static double UpperEnd(int index) => Smallest * Math.Pow(2, (index + 1) / (double)ClassesPerDoubling);
}
