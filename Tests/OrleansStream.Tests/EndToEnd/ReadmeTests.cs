using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What the README says works as it is written there: its two commands, its walk-through, the way of a record.</summary>
public sealed partial class ReadmeTests
{
    private const string TestCommand = "dotnet test -c Release";

    [Fact]
    public void WayOfARecord_WhenFollowed_TakesAtMostTenFiles()
    {
        var section = WalkThrough.Section("The way of a record");
        var files = NumberedLink().Matches(section).Select(match => match.Groups[1].Value).ToList();
        Assert.InRange(files.Count, 2, 10);
        Assert.Equal("Api/Rest/Produce/ProduceEndpoints.cs", files[0]);
        Assert.Equal("Grains/Storage/Files/Segments/SegmentFile.cs", files[^1]);
        Assert.All(files, file => Assert.InRange(File.ReadLines(Repository.PathOf(file)).Count(), 1, 400));
    }

    [Fact]
    public void Commands_WhenTheContinuousRunCallsThem_AreTheReadmes()
    {
        // The first screen: what stands before the first heading of a section.
        var commands = Read("README.md").Split("\n## ")[0].Split('\n').Where(line => line.StartsWith("    dotnet ", StringComparison.Ordinal))
            .Select(line => line.Split('#')[0].Trim());
        Assert.Equal([WalkThrough.ServeCommand, TestCommand], commands);
        Assert.Contains(Read(".ci/run").Split('\n'), line => line.StartsWith(TestCommand + " ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task WalkThrough_WhenPastedLineByLine_ShowsWhatItSays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The walk-through is for a POSIX shell.");
        using var folder = new ScratchFolder();
        WalkThrough.Prepare(folder);
        var port = FreePort.Find();
        ServiceProcess? service = null;
        var outputs = new List<(string Line, string Output)>();
        try
        {
            foreach (var line in WalkThrough.Lines())
            {
                if (line == WalkThrough.ServeCommand)
                {
                    if (service is not null)
                        await service.DisposeAsync();
                    service = await ServiceProcess.RunProjectAsync(port, folder.Path);
                    continue;
                }

                if (WalkThrough.IsKill(line))
                    await AssertNamesAsync(service!, folder.PathOf("data", ".lock"));
                outputs.Add((line, await WalkThrough.RunAsync(line, $"http://localhost:{port}", folder)));
                if (WalkThrough.IsKill(line))
                    Assert.Equal(128 + 9, await service!.WaitForExitAsync());
            }
        }
        finally
        {
            if (service is not null)
                await service.DisposeAsync();
        }

        // Once before the kill, and once after.
        WalkThrough.AssertTellsTheMatch(outputs, tailCount: 2);
    }

    // Nothing but the service of this test may be killed: a child of its `dotnet run`. The file is read as the walk-through reads it,
    // since .NET would respect the lock.
    private static async Task AssertNamesAsync(ServiceProcess service, string lockFile)
    {
        var (_, processId, _) = await OtherProgram.RunAsync(new("cat", [lockFile]));
        var (_, parentId, _) = await OtherProgram.RunAsync(new("ps", ["-o", "ppid=", "-p", processId.Trim()]));
        Assert.Equal($"{service.ProcessId}", parentId.Trim());
    }

    private static string Read(string document) => File.ReadAllText(Repository.PathOf(document));

    [GeneratedRegex(@"(?m)^\d+\. \[[^\]]+\]\(([^)]+)\)")]
    private static partial Regex NumberedLink();
}
