using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Reporting;

/// <summary>The figures as a table for people and as JSON for programs.</summary>
internal static class Page
{
    /// <summary>A Markdown table.</summary>
    /// <param name="figures">The figures.</param>
    public static string Table(IEnumerable<Figure> figures)
    {
        var text = new StringBuilder(
            "| path | ours | against | theirs | measured | target | | a request: processor | threads woken |\n|---|---:|---|---:|---:|---:|---|---:|---:|\n");
        foreach (var figure in figures)
        {
            var measured = figure.IsRatio ? $"{Figure.Show(figure.Value)}×" : $"{Figure.Show(figure.Value)} {figure.Unit}";
            var verdict = figure.IsMet switch { true => "met", false => "**missed**", null => "" };
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {figure.Path} | {Figure.Show(figure.Ours)} {figure.Unit} | {figure.Against} | ");
            text.Append(
                CultureInfo.InvariantCulture,
                $"{(figure.IsRatio ? $"{Figure.Show(figure.Theirs)} {figure.Unit}" : "")} | {measured} | {figure.TargetText} | ");
            text.Append(CultureInfo.InvariantCulture, $"{verdict}{(figure.Note.Length > 0 ? $" {figure.Note}" : "")} | ");
            text.Append(
                CultureInfo.InvariantCulture, $"{Costs(figure, cost => cost.ProcessorUs, " \u00b5s")} | {Costs(figure, cost => cost.Waits, "")} |\n");
        }

        return text.ToString();
    }

    // Ours, and theirs for as many records.
    private static string Costs(Figure figure, Func<EventCost, double> part, string unit)
    {
        if (figure.OurCost is not { } ours)
            return "";
        var theirs = figure.TheirCost is { } known ? $" to {Figure.Show(part(known))}" : "";
        return $"{Figure.Show(part(ours))}{theirs}{unit}";
    }

    private static JsonObject? Cost(EventCost? cost) => cost is not { } known || double.IsNaN(known.Waits)
        ? null
        : new() { ["processor_us"] = known.ProcessorUs, ["threads_woken"] = known.Waits, ["context_switches"] = known.Switches };

    /// <summary>All that was measured.</summary>
    /// <param name="figures">The figures.</param>
    /// <param name="notes">What was left out, and why.</param>
    public static string Json(IEnumerable<Figure> figures, IEnumerable<string> notes)
    {
        var rows = new JsonArray();
        foreach (var figure in figures)
        {
            rows.Add(new JsonObject
            {
                ["path"] = figure.Path,
                ["unit"] = figure.Unit,
                ["ours"] = figure.Ours,
                ["against"] = figure.IsRatio ? figure.Against : null,
                ["theirs"] = figure.IsRatio ? figure.Theirs : null,
                ["ratio"] = figure.IsRatio ? figure.Value : null,
                ["target"] = double.IsNaN(figure.Target.Bound) ? null : figure.Target.Bound,
                ["met"] = figure.IsMet,
                ["note"] = figure.Note,
                ["request_ours"] = Cost(figure.OurCost),
                ["request_theirs"] = Cost(figure.TheirCost),
            });
        }

        return new JsonObject
        {
            ["processors"] = Environment.ProcessorCount,
            ["runtime"] = Environment.Version.ToString(),
            ["figures"] = rows,
            ["notes"] = new JsonArray([.. notes.Select(note => (JsonNode)note)]),
        }.ToJsonString(new() { WriteIndented = true });
    }
}
