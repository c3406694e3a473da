using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The README's walk-through, pasted line by line.</summary>
internal static partial class WalkThrough
{
    /// <summary>The line that starts the service.</summary>
    public const string ServeCommand = "dotnet run --project Api -c Release";

    private const string Origin = "http://localhost:8080";
    private const string Match = "argentina-brazil";

    /// <summary>Its lines, in their order.</summary>
    public static IEnumerable<string> Lines() => ShellBlock().Matches(Section("Try it"))
        .SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Whether a line kills the service.</summary>
    public static bool IsKill(string line) => line.StartsWith("kill ", StringComparison.Ordinal);

    /// <summary>Makes a folder one to start in, as the repository's is: it has the sample, and no data.</summary>
    public static void Prepare(ScratchFolder folder) => Directory.CreateSymbolicLink(folder.PathOf("Api"), Repository.PathOf("Api"));

    /// <summary>Runs a line, and expects that it succeeds.</summary>
    /// <param name="line">The line.</param>
    /// <param name="origin">Where the service is, in place of where the README has it.</param>
    /// <param name="folder">Where the line is given.</param>
    /// <returns>What it printed.</returns>
    public static async Task<string> RunAsync(string line, string origin, ScratchFolder folder)
    {
        var start = new ProcessStartInfo("bash", ["-c", line.Replace(Origin, origin, StringComparison.Ordinal)]) { WorkingDirectory = folder.Path };
        // What curl sends with every request, where a test has put it there.
        start.Environment["CURL_HOME"] = folder.Path;
        var (exitCode, output, errors) = await OtherProgram.RunAsync(start);
        Assert.True(exitCode == 0 && errors.Length == 0, $"{line}\n{exitCode} {errors}{output}");
        return output;
    }

    /// <summary>What its lines printed is what the README says of them.</summary>
    /// <param name="outputs">The lines, and what each printed.</param>
    /// <param name="tailCount">How many of them followed the topic.</param>
    public static void AssertTellsTheMatch(List<(string Line, string Output)> outputs, int tailCount)
    {
        var expected = WorldCup.ReadRecords().Where(record => (string?)record["key"] == Match).Select(record => record["value"]!.ToJsonString());
        var first = JsonNode.Parse(outputs.Single(step => step.Line.Contains("--data-binary", StringComparison.Ordinal)).Output)!;
        var tails = outputs.Where(step => step.Line.Contains("text/event-stream", StringComparison.Ordinal)).Select(step => step.Output).ToList();
        Assert.Equal(tailCount, tails.Count);
        var events = tails[0].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();
        Assert.Equal(expected, events.Select(one => one["value"]!.ToJsonString()));
        Assert.All(events, one => Assert.Equal((int)first["partition"]!, (int)one["partition"]!));
        Assert.Equal(events.Select(one => (long)one["offset"]!).Order(), events.Select(one => (long)one["offset"]!));
        // Whoever reads and whenever, it is all the same, to the byte.
        Assert.Single(tails.Distinct());
        var partitions = JsonNode.Parse(outputs[^1].Output)!["partitions"]!.AsArray();
        Assert.Equal(WorldCup.ReadRecords().Count, partitions.Sum(partition => (long)partition!["high_watermark"]!));
    }

    /// <summary>A section of the README.</summary>
    public static string Section(string title)
    {
        var text = File.ReadAllText(Repository.PathOf("README.md"));
        var start = text.IndexOf($"\n## {title}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"The README has no section '{title}'.");
        var end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? text[start..] : text[start..end];
    }

    [GeneratedRegex(@"(?s)```sh\n(.*?)```")]
    private static partial Regex ShellBlock();
}
