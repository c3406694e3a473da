using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Telemetry;

/// <summary>A row of the table of metrics.</summary>
/// <param name="Name">The instrument's name.</param>
/// <param name="Kind">Its kind, as the table words it.</param>
/// <param name="Unit">Its unit.</param>
internal sealed record MetricsRow(string Name, string Kind, string Unit)
{
    /// <summary>Its names in Prometheus.</summary>
    public IEnumerable<string> PrometheusNames
    {
        get
        {
            var name = Name.Replace('.', '_');
            var unit = Unit switch
            {
                "By" => "_bytes",
                "s" => "_seconds",
                _ => "",
            };
            if (!name.EndsWith(unit, StringComparison.Ordinal))
                name += unit;
            return Kind switch
            {
                "counter" => [name + "_total"],
                "histogram" => [name + "_bucket", name + "_sum", name + "_count"],
                _ => [name],
            };
        }
    }
}

/// <summary>The table of metrics in Api/Telemetry/README.md.</summary>
internal static partial class MetricsTable
{
    /// <summary>Reads it.</summary>
    public static IReadOnlyList<MetricsRow> Read() =>
        [.. Row().Matches(File.ReadAllText(Repository.PathOf("Api", "Telemetry", "README.md")))
            .Select(match => new MetricsRow(match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value.Trim()))];

    [GeneratedRegex(@"^\| `(orleansstream\.[a-z.]+)` \| (counter|gauge|histogram|up and down) \|([^|]*)\|", RegexOptions.Multiline)]
    private static partial Regex Row();
}
