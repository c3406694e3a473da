using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What the README says works as it is written there: its links, its two commands, its walk-through.</summary>
[Collection(EndToEndCollection.Name)]
public sealed partial class ReadmeTests
{
    private const string Origin = "http://localhost:8080";
    private const string ServeCommand = "dotnet run --project Api -c Release";
    private const string TestCommand = "dotnet test -c Release";
    private const string Match = "argentina-brazil";

    private static readonly string[] Documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "Tests/README.md"];

    [Fact]
    public void Links_WhenTheyPointIntoTheRepository_Exist()
    {
        var links = Documents.SelectMany(
            document => Link().Matches(Read(document)).Select(match => (Document: document, Target: match.Groups[1].Value))).ToList();
        var missing = links
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal))
            .Where(link => !Path.Exists(Path.Join(
                Path.GetDirectoryName(Repository.PathOf(link.Document)), link.Target.Split('#')[0])));
        Assert.True(links.Count > 20, "The links were not found.");
        Assert.Empty(missing);
    }

    [Fact]
    public void WayOfARecord_WhenFollowed_TakesAtMostEightFiles()
    {
        var section = Section("The way of a record");
        var files = NumberedLink().Matches(section).Select(match => match.Groups[1].Value).ToList();
        Assert.InRange(files.Count, 2, 8);
        Assert.Equal("Api/Endpoints/ProduceEndpoints.cs", files[0]);
        Assert.Equal("Grains/Storage/Files/FileSegmentStore.cs", files[^1]);
        Assert.All(files, file => Assert.InRange(File.ReadLines(Repository.PathOf(file)).Count(), 1, 400));
    }

    [Fact]
    public void Commands_WhenTheContinuousRunCallsThem_AreTheReadmes()
    {
        // The first screen: what stands before the first heading of a section.
        var commands = Read("README.md").Split("\n## ")[0].Split('\n').Where(line => line.StartsWith("    dotnet ", StringComparison.Ordinal))
            .Select(line => line.Split('#')[0].Trim());
        Assert.Equal([ServeCommand, TestCommand], commands);
        Assert.Contains(Read(".ci/run").Split('\n'), line => line.StartsWith(TestCommand + " ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WalkThrough_WhenPastedLineByLine_ShowsWhatItSays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The walk-through is for a POSIX shell.");
        using var folder = new ScratchFolder();
        // The walk-through starts in the repository's folder; here it is one that has the sample and no data.
        Directory.CreateSymbolicLink(folder.PathOf("Api"), Repository.PathOf("Api"));
        var port = FreePort.Find();
        ServiceProcess? service = null;
        var outputs = new List<(string Line, string Output)>();
        try
        {
            foreach (var line in ShellLines(Section("Try it")))
            {
                if (line == ServeCommand)
                {
                    if (service is not null)
                        await service.DisposeAsync();
                    service = await ServiceProcess.RunProjectAsync(port, folder.Path);
                    continue;
                }

                var shell = new System.Diagnostics.ProcessStartInfo("bash", ["-c", line.Replace(Origin, $"http://localhost:{port}", StringComparison.Ordinal)])
                {
                    WorkingDirectory = folder.Path,
                };
                if (line.StartsWith("kill ", StringComparison.Ordinal))
                    await AssertNamesAsync(service!, folder.PathOf("data", ".lock"));
                var (exitCode, output, errors) = await OtherProgram.RunAsync(shell);
                Assert.True(exitCode == 0 && errors.Length == 0, $"{line}\n{exitCode} {errors}{output}");
                outputs.Add((line, output));
                if (line.StartsWith("kill ", StringComparison.Ordinal))
                    Assert.Equal(128 + 9, await service!.WaitForExitAsync());
            }
        }
        finally
        {
            if (service is not null)
                await service.DisposeAsync();
        }

        AssertTellsTheMatch(outputs);
    }

    // Nothing but the service of this test may be killed: a child of its `dotnet run`. The file is read as the walk-through reads it,
    // since .NET would respect the lock.
    private static async Task AssertNamesAsync(ServiceProcess service, string lockFile)
    {
        var (_, processId, _) = await OtherProgram.RunAsync(new("cat", [lockFile]));
        var (_, parentId, _) = await OtherProgram.RunAsync(new("ps", ["-o", "ppid=", "-p", processId.Trim()]));
        Assert.Equal($"{service.ProcessId}", parentId.Trim());
    }

    private static void AssertTellsTheMatch(List<(string Line, string Output)> outputs)
    {
        var expected = WorldCup.ReadRecords().Where(record => (string?)record["key"] == Match).Select(record => record["value"]!.ToJsonString());
        var first = JsonNode.Parse(outputs.Single(step => step.Line.Contains("--data-binary", StringComparison.Ordinal)).Output)!;
        var tails = outputs.Where(step => step.Line.Contains("text/event-stream", StringComparison.Ordinal)).Select(step => step.Output).ToList();
        Assert.Equal(2, tails.Count);
        var events = tails[0].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line["data: ".Length..])!).ToList();
        Assert.Equal(expected, events.Select(one => one["value"]!.ToJsonString()));
        Assert.All(events, one => Assert.Equal((int)first["partition"]!, (int)one["partition"]!));
        Assert.Equal(events.Select(one => (long)one["offset"]!).Order(), events.Select(one => (long)one["offset"]!));
        // After the kill it is all the same, to the byte.
        Assert.Equal(tails[0], tails[1]);
        var partitions = JsonNode.Parse(outputs[^1].Output)!["partitions"]!.AsArray();
        Assert.Equal(WorldCup.ReadRecords().Count, partitions.Sum(partition => (long)partition!["high_watermark"]!));
    }

    private static IEnumerable<string> ShellLines(string text) =>
        ShellBlock().Matches(text).SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries));

    private static string Section(string title)
    {
        var text = Read("README.md");
        var start = text.IndexOf($"\n## {title}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"The README has no section '{title}'.");
        var end = text.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return end < 0 ? text[start..] : text[start..end];
    }

    private static string Read(string document) => File.ReadAllText(Repository.PathOf(document));

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?m)^\d+\. \[[^\]]+\]\(([^)]+)\)")]
    private static partial Regex NumberedLink();

    [GeneratedRegex(@"(?s)```sh\n(.*?)```")]
    private static partial Regex ShellBlock();
}
