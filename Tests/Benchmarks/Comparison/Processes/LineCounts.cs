using System.Collections.Concurrent;

namespace OrleansStream.Comparison.Processes;

/// <summary>Counts the lines of a program's log that hold a text. Safe for any thread.</summary>
internal sealed class LineCounts
{
    private readonly ConcurrentDictionary<string, int> _counts = new();

    /// <summary>Counts the lines that hold a text, from now on.</summary>
    /// <param name="text">The text.</param>
    public void Watch(string text) => _counts[text] = 0;

    /// <summary>The lines so far.</summary>
    /// <param name="text">The text.</param>
    public int Of(string text) => _counts[text];

    /// <summary>Takes a line.</summary>
    /// <param name="line">The line.</param>
    public void Note(string line)
    {
        foreach (var text in _counts.Keys)
        {
            if (line.Contains(text, StringComparison.Ordinal))
                _counts.AddOrUpdate(text, 1, static (_, count) => count + 1);
        }
    }
}
