using System.Globalization;
using Microsoft.JSInterop;

namespace OrleansStream.WebConsole.Parts;

/// <summary>A point of a plot.</summary>
/// <param name="Seconds">When, in seconds since the Unix epoch.</param>
/// <param name="Value">The value, in the unit of its line.</param>
public readonly record struct PlotPoint(double Seconds, double Value);

/// <summary>A line of a plot.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points, in the order of time.</param>
public sealed record PlotSeries(string Name, IReadOnlyList<PlotPoint> Points);

/// <summary>
/// What pages have seen, so that a plot does not begin anew when its page is opened again, or loaded again by the browser. It lasts as long as the
/// browser's tab.
/// </summary>
/// <param name="time">Gives each point its time.</param>
/// <param name="browser">Keeps the lines for the tab.</param>
public sealed class History(TimeProvider time, IJSRuntime browser)
{
    private const string Storage = "orleansstream.plot.";

    private readonly Dictionary<string, List<PlotPoint>> _lines = new(StringComparer.Ordinal);

    /// <summary>
    /// Adds a point to each of several lines, all at one time: they are what one answer has told. A line that has none begins with it; one that has
    /// <see cref="HistoryLimits.PointsMax"/> loses its oldest.
    /// </summary>
    /// <param name="values">The lines' names, among all pages, and their values now.</param>
    public void Add(IEnumerable<(string Line, double Value)> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var seconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        foreach (var (line, value) in values)
            Add(line, new PlotPoint(seconds, value));
    }

    private void Add(string line, PlotPoint added)
    {
        if (!_lines.TryGetValue(line, out var points))
        {
            if (_lines.Count >= HistoryLimits.LinesMax)
                Remove(_lines.MinBy(one => one.Value[^1].Seconds).Key);
            _lines[line] = points = Read(line);
        }

        points.Add(added);
        if (points.Count > HistoryLimits.PointsMax)
            points.RemoveAt(0);
        Keep(line, string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.Seconds:0.###}:{point.Value:R}"))));
    }

    /// <summary>The points of a line, without a new one.</summary>
    /// <param name="line">The line's name, among all pages.</param>
    /// <returns>Its points, in the order of time; none where it has none.</returns>
    public IReadOnlyList<PlotPoint> Find(string line) => _lines.TryGetValue(line, out var points) ? [.. points] : Read(line);

    private void Remove(string line)
    {
        _lines.Remove(line);
        Keep(line, text: null);
    }

    private List<PlotPoint> Read(string line)
    {
        if ((browser as IJSInProcessRuntime)?.Invoke<string?>("streamConsole.kept", Storage + line) is not { Length: > 0 } text)
            return [];
        var points = new List<PlotPoint>();
        foreach (var point in text.Split(' '))
        {
            var parts = point.Split(':');
            if (parts.Length == 2
                && double.TryParse(parts[0], CultureInfo.InvariantCulture, out var seconds)
                && double.TryParse(parts[1], CultureInfo.InvariantCulture, out var value))
            {
                points.Add(new PlotPoint(seconds, value));
            }
        }

        return points;
    }

    private void Keep(string line, string? text) => (browser as IJSInProcessRuntime)?.InvokeVoid("streamConsole.keep", Storage + line, text);
}
