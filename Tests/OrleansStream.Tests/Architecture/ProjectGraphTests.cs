using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
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

/// <summary>Doors know no grain classes, the gateway no door, and the contracts nobody: by what their assemblies refer to.</summary>
public sealed partial class ProjectGraphTests
{
    private static readonly Assembly Interfaces = typeof(RecordBatchHeader).Assembly;
    private static readonly Assembly Grains = typeof(PartitionLog).Assembly;
    private static readonly Assembly Gateway = typeof(GatewayHosting).Assembly;
    private static readonly Assembly Contracts = typeof(Problem).Assembly;
    private static readonly Assembly HttpErrors = typeof(ErrorMap).Assembly;
    private static readonly Assembly Kafka = typeof(KafkaHosting).Assembly;
    private static readonly Assembly Telemetry = typeof(TelemetryHosting).Assembly;
    private static readonly Assembly Client = typeof(OrleansStreamClient).Assembly;
    private static readonly Assembly CommandLine = typeof(Call).Assembly;
    private static readonly Assembly Rest = typeof(RestHosting).Assembly;

    [Fact]
    public void Projects_ReferToThoseBelowThemOnly()
    {
        Assert.Empty(OwnReferencesOf(Interfaces));
        Assert.Empty(OwnReferencesOf(Contracts));
        Assert.Equal([NameOf(Interfaces)], OwnReferencesOf(Grains));
        Assert.Equal([NameOf(Interfaces)], OwnReferencesOf(Gateway));
        Assert.Equal([NameOf(Gateway), NameOf(Interfaces)], OwnReferencesOf(Kafka));
        Assert.Equal([NameOf(Contracts), NameOf(Interfaces)], OwnReferencesOf(HttpErrors));
        Assert.Equal([NameOf(Gateway), NameOf(Interfaces), NameOf(HttpErrors)], OwnReferencesOf(Telemetry));
        Assert.Equal([NameOf(Contracts), NameOf(Gateway), NameOf(Interfaces), NameOf(HttpErrors)], OwnReferencesOf(Rest));
        // Wire is compiled from the codec's own sources.
        Assert.Equal([NameOf(Contracts), "OrleansStream.Wire"], OwnReferencesOf(Client));
        // No back door: all that it does goes through the client.
        Assert.Equal([NameOf(Client), NameOf(Contracts)], OwnReferencesOf(CommandLine));
    }

    [Fact]
    public void Gateway_KnowsNoHttpAndNoSockets() => Assert.DoesNotContain(
        ReferencesOf(Gateway),
        name => name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal) || name is "System.Net.Sockets" or "System.Net.Http" or "System.Text.Json");

    [Fact]
    public void TableOfTheLayout_NamesWhatEachProjectMayUse()
    {
        var rows = File.ReadLines(Repository.PathOf("CONTRIBUTING.md")).Where(line => line.StartsWith("| [", StringComparison.Ordinal))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries));
        // A row may have several projects; what each may use then stands in the same order.
        var told = rows
            .Select(cells => (Folders: Folder().Matches(cells[1]).Select(found => found.Groups["path"].Value).ToArray(), Uses: cells[^2].Split(';')))
            .SelectMany(row => row.Folders.Length == row.Uses.Length
                ? row.Folders.Zip(row.Uses)
                : throw new InvalidDataException($"{row.Uses.Length} lists stand beside {string.Join(", ", row.Folders)}."))
            .Select(row => (Project: FindProject(row.First), Uses: row.Second.Replace("none", "", StringComparison.Ordinal)))
            .Where(row => row.Project is not null).ToArray();

        Assert.Equal(
            OwnProjects().Order(StringComparer.Ordinal),
            told.Select(row => Path.GetFileNameWithoutExtension(row.Project!)).Order(StringComparer.Ordinal));
        Assert.All(told, row => Assert.Equal(
            ReferencesIn(row.Project!),
            row.Uses.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)));
    }

    /// <summary>The projects outside of the tests, without <c>Wire</c>, of which the client's row tells.</summary>
    private static IEnumerable<string> OwnProjects() => new[] { "Api", "Silo", "Grains", "Grains.Interfaces" }
        .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.csproj", SearchOption.AllDirectories))
        .Select(path => Path.GetFileNameWithoutExtension(path)).Where(name => name != "Wire");

    private static string? FindProject(string folder) => Directory.EnumerateFiles(Repository.PathOf(folder), "*.csproj").SingleOrDefault();

    /// <summary>The projects that a project compiles against, without <c>Wire</c>, which is a part of the client.</summary>
    private static IEnumerable<string> ReferencesIn(string project) => XDocument.Load(project).Descendants("ProjectReference")
        .Where(reference => (string?)reference.Attribute("ReferenceOutputAssembly") != "false")
        .Select(reference => Path.GetFileNameWithoutExtension((string?)reference.Attribute("Include")))
        .OfType<string>().Where(name => name != "Wire").Order(StringComparer.Ordinal);

    private static string[] OwnReferencesOf(Assembly project) =>
        [.. ReferencesOf(project).Where(name => name.StartsWith("OrleansStream.", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    private static IEnumerable<string> ReferencesOf(Assembly project) => project.GetReferencedAssemblies().Select(reference => reference.Name!);

    private static string NameOf(Assembly project) => project.GetName().Name!;

    [GeneratedRegex(@"\]\((?<path>[^)]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Folder();
}
