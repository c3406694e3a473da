using System.Globalization;
using System.Text;

namespace OrleansStream.Tests.Telemetry;

/// <summary>One sample of a scrape.</summary>
/// <param name="Name">The metric's name.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="Value">Its value.</param>
internal sealed record PrometheusSample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>
/// Reads Prometheus' text format 0.0.4, strictly: names, labels, escapes, numbers, one TYPE for each metric, its samples in one block, no series
/// twice (https://prometheus.io/docs/instrumenting/exposition_formats/).
/// </summary>
internal static class PrometheusSamples
{
    private static readonly string[] Kinds = ["counter", "gauge", "histogram", "summary", "untyped", "unknown"];

    /// <summary>Reads a text.</summary>
    /// <exception cref="FormatException">A line is none of the format.</exception>
    public static List<PrometheusSample> Parse(string text)
    {
        if (!text.EndsWith('\n'))
            throw new FormatException("The last line has no end.");
        var samples = new List<PrometheusSample>();
        var kinds = new Dictionary<string, string>(StringComparer.Ordinal);
        var closed = new HashSet<string>(StringComparer.Ordinal);
        var series = new HashSet<string>(StringComparer.Ordinal);
        string? family = null;
        foreach (var line in text.Split('\n')[..^1])
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var parts = line.Split(' ');
                if (parts.Length != 4 || !IsName(parts[2]) || !Kinds.Contains(parts[3]) || !kinds.TryAdd(parts[2], parts[3]))
                    throw new FormatException($"No type: {line}");
                if (family is not null)
                    closed.Add(family);
                family = parts[2];
            }
            else if (line.Length > 0 && line[0] != '#')
            {
                var sample = ReadSample(line);
                if (FamilyOf(sample.Name, kinds) is not { } owner || owner != family || closed.Contains(owner))
                    throw new FormatException($"Not among the samples of its metric: {line}");
                if (!series.Add($"{sample.Name}|{string.Join('|', sample.Labels.OrderBy(label => label.Key, StringComparer.Ordinal))}"))
                    throw new FormatException($"Twice: {line}");
                samples.Add(sample);
            }
        }

        return samples;
    }

    private static string? FamilyOf(string name, Dictionary<string, string> kinds)
    {
        if (kinds.ContainsKey(name))
            return name;
        foreach (var suffix in (string[])["_bucket", "_sum", "_count"])
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal) && kinds.GetValueOrDefault(name[..^suffix.Length]) is "histogram" or "summary")
                return name[..^suffix.Length];
        }

        return null;
    }

    private static PrometheusSample ReadSample(string line)
    {
        var at = 0;
        while (at < line.Length && line[at] is not ('{' or ' '))
            at++;
        var name = line[..at];
        if (!IsName(name))
            throw new FormatException($"No name: {line}");
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        if (line[at] == '{')
            at = ReadLabels(line, at + 1, labels);
        var values = line[at..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (values.Length is not (1 or 2) || line[at] != ' ')
            throw new FormatException($"No value: {line}");
        return new PrometheusSample(name, labels, ReadNumber(values[0]));
    }

    private static int ReadLabels(string line, int at, Dictionary<string, string> labels)
    {
        while (line[at] != '}')
        {
            var equals = line.IndexOf('=', at);
            var label = line[at..equals];
            if (!IsName(label) || label.Contains(':', StringComparison.Ordinal) || line[equals + 1] != '"')
                throw new FormatException($"No label: {line}");
            var value = new StringBuilder();
            for (at = equals + 2; line[at] != '"'; at++)
            {
                value.Append(line[at] != '\\' ? line[at] : line[++at] switch
                {
                    'n' => '\n',
                    '\\' => '\\',
                    '"' => '"',
                    var c => throw new FormatException($"Escaped '{c}': {line}"),
                });
            }

            if (!labels.TryAdd(label, value.ToString()))
                throw new FormatException($"A label twice: {line}");
            at++;
            if (line[at] == ',')
                at++;
        }

        return at + 1;
    }

    private static double ReadNumber(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        "NaN" => double.NaN,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private static bool IsName(string name) => name.Length > 0 && !char.IsAsciiDigit(name[0])
        && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or ':');
}
