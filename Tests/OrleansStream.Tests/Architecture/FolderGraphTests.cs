using System.Reflection;
using System.Text.RegularExpressions;
using OrleansStream.Cli.Calls;
using OrleansStream.Client;
using OrleansStream.Contracts;
using OrleansStream.Gateway;
using OrleansStream.HttpErrors;
using OrleansStream.Kafka;
using OrleansStream.Log;
using OrleansStream.Records;
using OrleansStream.Rest;
using OrleansStream.Telemetry;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Each folder knows those that a list names and no others, and no two know each other, also not by way of others.</summary>
public sealed partial class FolderGraphTests
{
    /// <summary>The projects that are looked at.</summary>
    private static readonly Assembly[] Projects =
    [
        typeof(RecordBatchHeader).Assembly, typeof(PartitionLog).Assembly, typeof(GatewayHosting).Assembly, typeof(Problem).Assembly,
        typeof(RestHosting).Assembly, typeof(KafkaHosting).Assembly, typeof(TelemetryHosting).Assembly, typeof(OrleansStreamClient).Assembly,
        typeof(Call).Assembly, typeof(ErrorMap).Assembly,
    ];

    private const string Golden = "folders.txt";

    private static string Allowed => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Architecture", "Golden", Golden));

    /// <summary>A new edge is written down, so that somebody looks at it: <c>GOLDEN_UPDATE={folder}</c> writes the list anew.</summary>
    [Fact]
    public void Folders_KnowThoseThatAreListed()
    {
        string[] known = [.. new FolderGraph(Projects).Edges.GroupBy(edge => edge.From).Select(from => $"{from.Key}: {string.Join(' ', from.Select(edge => edge.To))}")];
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") is { Length: > 0 } folder)
            File.WriteAllLines(Path.Combine(folder, Golden), known);

        Assert.Equal(Allowed.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), known);
    }

    [Fact]
    public void Folders_KnowEachOtherOneWayOnly() => Assert.Empty(FolderGraph.FindCycle(Parse(Allowed)));

    [Fact]
    public void FindCycle_WhenThereIsOne_NamesTheWay() => Assert.Equal(
        ["b", "c", "b"], FolderGraph.FindCycle(Parse("a: d b\nb: c\nc: d b")));

    [Fact]
    public void Namespaces_AreFolders()
    {
        string[] wrong = [.. Projects.SelectMany(project =>
        {
            var name = project.GetName().Name!["OrleansStream.".Length..];
            // The projects of the doors, and of what is behind them, lie in the folder of the process that opens them.
            var folder = Directory.Exists(Repository.PathOf(name)) ? Repository.PathOf(name) : Repository.PathOf("Api", name);
            return Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
                .Where(file => !BuildOutput().IsMatch(Path.GetRelativePath(folder, file)) && !IsOfAnotherProject(file, folder))
                .Select(file => (
                    Path: Path.GetRelativePath(Path.GetDirectoryName(folder)!, Path.GetDirectoryName(file)!).Replace('\\', '/'),
                    Folder: FolderGraph.FolderOf(project, Namespace().Match(File.ReadAllText(file)).Groups[1].Value), file))
                .Where(found => found.Path != found.Folder)
                .Select(found => found.file);
        })];

        Assert.Empty(wrong);
    }

    private static bool IsOfAnotherProject(string file, string folder)
    {
        for (var inside = Path.GetDirectoryName(file)!; inside != folder; inside = Path.GetDirectoryName(inside)!)
        {
            if (Directory.EnumerateFiles(inside, "*.csproj").Any())
                return true;
        }

        return false;
    }

    private static Dictionary<string, string[]> Parse(string edges) => edges
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(line => line.Split(':', StringSplitOptions.TrimEntries))
        .ToDictionary(parts => parts[0], parts => parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries), StringComparer.Ordinal);

    [GeneratedRegex(@"(^|[/\\])(bin|obj)[/\\]")]
    private static partial Regex BuildOutput();

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
