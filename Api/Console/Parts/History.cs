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

    // No name of a page has it.
    private const char Separator = '\t';

    private Dictionary<string, List<PlotPoint>>? _lines;

    // With those that were kept before the browser loaded the page again: they count, too.
    private Dictionary<string, List<PlotPoint>> Lines => _lines ??= ReadAll();

    /// <summary>
    /// Adds a point to each of several lines, all at one time: they are what one answer has told. A line that has none begins with it; one that has
    /// <see cref="HistoryLimits.PointsMax"/> loses its oldest.
    /// </summary>
    /// <param name="page">The page whose lines they are. When it has too many, it is its own that go.</param>
    /// <param name="values">The lines' names, among those of the page, and their values now.</param>
    public void Add(string page, IEnumerable<(string Line, double Value)> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var seconds = (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds;
        // First the lines that there are: none of them is then among the oldest, which make room for the new ones.
        foreach (var (name, value) in values.Select(one => (Name: NameOf(page, one.Line), one.Value)).OrderBy(one => !Lines.ContainsKey(one.Name)))
            Add(page, name, new PlotPoint(seconds, value));
    }

    /// <summary>The points that a line has.</summary>
    /// <param name="page">The page whose line it is.</param>
    /// <param name="line">The line's name, among those of the page.</param>
    /// <returns>Its points, in the order of time; none where it has none.</returns>
    public IReadOnlyList<PlotPoint> Find(string page, string line) => Lines.TryGetValue(NameOf(page, line), out var points) ? [.. points] : [];

    private static string NameOf(string page, string line) => $"{page}{Separator}{line}";

    private void Add(string page, string name, PlotPoint added)
    {
        if (!Lines.TryGetValue(name, out var points))
        {
            MakeRoom(NameOf(page, ""), HistoryLimits.LinesOfPageMax);
            MakeRoom("", HistoryLimits.LinesMax);
            Lines[name] = points = [];
        }

        points.Add(added);
        if (points.Count > HistoryLimits.PointsMax)
            points.RemoveAt(0);
        Keep(name, string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.Seconds:0.###}:{point.Value:R}"))));
    }

    private void MakeRoom(string prefix, int linesMax)
    {
        var lines = Lines.Where(one => one.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(one => one.Value[^1].Seconds).ToList();
        foreach (var (name, _) in lines.Take(lines.Count - linesMax + 1))
        {
            Lines.Remove(name);
            Keep(name, text: null);
        }
    }

    private Dictionary<string, List<PlotPoint>> ReadAll()
    {
        var lines = new Dictionary<string, List<PlotPoint>>(StringComparer.Ordinal);
        foreach (var stored in (browser as IJSInProcessRuntime)?.Invoke<string[]?>("streamConsole.keptNames", Storage) ?? [])
        {
            var name = stored[Storage.Length..];
            if (Read(name) is { Count: > 0 } points)
                lines[name] = points;
            else
                Keep(name, text: null);
        }

        return lines;
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
