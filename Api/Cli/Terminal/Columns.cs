using Spectre.Console.Rendering;

namespace OrleansStream.Cli.Terminal;

/// <summary>Rows under headings, as wide as they need to be. They are not cut, and look the same in a pipe.</summary>
internal sealed class Columns(params string[] headings)
{
    private const int Gap = 2;

    private readonly List<string[]> _rows = [];

    /// <summary>How many rows there are.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a row.</summary>
    /// <param name="cells">A cell for each heading; null is written as a dash.</param>
    public void Add(params object?[] cells) => _rows.Add([.. cells.Select(cell => cell?.ToString() is { Length: > 0 } text ? Plain(text) : "-")]);

    public void Write(Screen screen)
    {
        foreach (var line in Lines(heading => screen.Styled(heading, "1")))
            screen.Results.WriteLine(line);
    }

    /// <summary>The lines, the headings first.</summary>
    /// <param name="style">Styles the headings.</param>
    internal IEnumerable<string> Lines(Func<string, string> style)
    {
        var widths = headings.Select((heading, column) => _rows.Select(row => WidthOf(row[column])).Append(heading.Length).Max()).ToArray();
        return _rows.Select(row => Line(row, widths)).Prepend(style(Line(headings, widths)));
    }

    private static string Line(string[] cells, int[] widths) =>
        string.Concat(cells.Select((cell, column) => cell + new string(' ', widths[column] + Gap - WidthOf(cell)))).TrimEnd();

    // Some characters take two columns, as Chinese ones do.
    private static int WidthOf(string text) => new Segment(text).CellCount();

    // A key of a record may have what moves a terminal's cursor or colours it.
    private static string Plain(string text) => text.Any(char.IsControl)
        ? string.Concat(text.Select(one => char.IsControl(one) ? $"\\x{(int)one:X2}" : $"{one}"))
        : text;
}
