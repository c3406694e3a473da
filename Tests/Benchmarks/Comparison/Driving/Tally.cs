using System.Diagnostics;

namespace OrleansStream.Comparison.Driving;

/// <summary>Counts answers, from the moment on that counts.</summary>
internal sealed class Tally
{
    private readonly List<long> _latencies = [];

    /// <summary>The answers.</summary>
    public long Answers { get; private set; }

    /// <summary>The records they stand for.</summary>
    public long Records { get; private set; }

    /// <summary>The payload bytes they stand for.</summary>
    public long Bytes { get; private set; }

    /// <summary>The time from sending to the answer, of each, in milliseconds and rising order.</summary>
    public double[] SortedLatenciesMs()
    {
        double[] sorted = [.. _latencies.Select(ticks => ticks * 1000.0 / Stopwatch.Frequency)];
        Array.Sort(sorted);
        return sorted;
    }

    /// <summary>Counts an answer.</summary>
    /// <param name="records">Its records.</param>
    /// <param name="bytes">Its payload bytes.</param>
    /// <param name="ticks">How long it took, in ticks of the stopwatch.</param>
    public void Add(int records, long bytes, long ticks)
    {
        Answers++;
        Records += records;
        Bytes += bytes;
        _latencies.Add(ticks);
    }

    /// <summary>Forgets the warm-up.</summary>
    public void Restart()
    {
        (Answers, Records, Bytes) = (0, 0, 0);
        _latencies.Clear();
    }
}
