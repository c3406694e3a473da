namespace OrleansStream.Cli.Terminal;

/// <summary>Rows under headings, as wide as they need to be. They are not cut, and look the same in a pipe.</summary>
/// <param name="headings">The headings.</param>
internal sealed class Columns(params string[] headings)
{
    private const int Gap = 2;

    private readonly List<string[]> _rows = [];

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row.</summary>
    /// <param name="cells">A cell for each heading; null is written as a dash.</param>
    public void Add(params object?[] cells) => _rows.Add([.. cells.Select(cell => cell?.ToString() is { Length: > 0 } text ? text : "-")]);

    /// <summary>Writes them.</summary>
    /// <param name="screen">Where to.</param>
    public void Write(Screen screen)
    {
        var widths = headings.Select((heading, column) => _rows.Select(row => row[column].Length).Append(heading.Length).Max()).ToArray();
        screen.Results.WriteLine(screen.Styled(Line(headings, widths), "1"));
        foreach (var row in _rows)
            screen.Results.WriteLine(Line(row, widths));
    }

    private static string Line(string[] cells, int[] widths) =>
        string.Concat(cells.Select((cell, column) => cell.PadRight(widths[column] + Gap))).TrimEnd();
}
