namespace OrleansStream.WebConsole.Parts;

/// <summary>A point of a plot.</summary>
/// <param name="Seconds">When, in seconds since the console was started.</param>
/// <param name="Value">The value.</param>
public readonly record struct PlotPoint(double Seconds, double Value);

/// <summary>A line of a plot.</summary>
/// <param name="Name">What it shows.</param>
/// <param name="Points">Its points, in the order of time.</param>
public sealed record PlotSeries(string Name, IReadOnlyList<PlotPoint> Points);

/// <summary>What pages have seen, so that a plot does not begin anew when its page is opened again. It lasts as long as the browser's tab.</summary>
/// <param name="time">The clock.</param>
public sealed class History(TimeProvider time)
{
    /// <summary>The most points of a line; the oldest go.</summary>
    public const int PointsMax = 150;

    /// <summary>The most lines; the one that was added to least lately goes.</summary>
    public const int LinesMax = 100;

    private readonly long _start = time.GetTimestamp();
    private readonly Dictionary<string, List<PlotPoint>> _lines = new(StringComparer.Ordinal);

    /// <summary>Adds a point.</summary>
    /// <param name="line">The line's name, among all pages.</param>
    /// <param name="value">The value now.</param>
    /// <returns>The line's points.</returns>
    public IReadOnlyList<PlotPoint> Add(string line, double value)
    {
        if (!_lines.TryGetValue(line, out var points))
        {
            if (_lines.Count >= LinesMax)
                _lines.Remove(_lines.MinBy(one => one.Value[^1].Seconds).Key);
            _lines[line] = points = [];
        }

        points.Add(new PlotPoint(time.GetElapsedTime(_start).TotalSeconds, value));
        if (points.Count > PointsMax)
            points.RemoveAt(0);
        return points;
    }
}
