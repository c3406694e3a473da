using System.Text;

namespace OrleansStream.Cli.Tail;

/// <summary>The rates of the last seconds as a row of bars, the newest at its right.</summary>
/// <param name="width">How many seconds it shows.</param>
internal sealed class RatePlot(int width)
{
    private const string Bars = " ▁▂▃▄▅▆▇█";

    private const char Unknown = '?';

    private readonly Queue<long?> _rates = new();

    /// <summary>The highest rate that is shown.</summary>
    public long Max => _rates.Max() ?? 0;

    /// <summary>Adds a second at the right end. The oldest one goes once the plot is full.</summary>
    /// <param name="count">The records that came in it; null when nobody knows, which is no 0.</param>
    public void Add(long? count)
    {
        if (_rates.Count == width)
            _rates.Dequeue();
        _rates.Enqueue(count);
    }

    /// <summary>The rows, from the top; each of the given count shows a part of the range from 0 to <see cref="Max"/>.</summary>
    /// <param name="height">How many rows, at least 1.</param>
    public IEnumerable<string> Rows(int height)
    {
        var steps = height * (Bars.Length - 1);
        for (var row = height - 1; row >= 0; row--)
        {
            var line = new StringBuilder(width);
            line.Append(' ', width - _rates.Count);
            foreach (var rate in _rates)
            {
                if (rate is not { } known)
                {
                    line.Append(row == 0 ? Unknown : ' ');
                    continue;
                }

                // What is not nothing is seen.
                var filled = Max == 0 ? 0 : (int)Math.Ceiling(steps * known / (double)Max);
                line.Append(Bars[Math.Clamp(filled - row * (Bars.Length - 1), 0, Bars.Length - 1)]);
            }

            yield return line.ToString();
        }
    }
}
