using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>
/// Random choices and ids come from the injected source, so that a run can be repeated: no other file of the service makes any.
/// </summary>
public sealed partial class RandomnessTests
{
    private static readonly string[] Folders = ["Api", "Grains", "Grains.Interfaces", "Silo"];

    // What users install: it has no run of the service to repeat.
    private static readonly string[] Installed = [Path.Join("Api", "Client"), Path.Join("Api", "Cli")];

    [Fact]
    public void Files_OfTheService_TakeRandomChoicesFromTheirSource()
    {
        var files = Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file)
                && !Array.Exists(Installed, folder => file.StartsWith(Repository.PathOf(folder), StringComparison.Ordinal)))
            .ToArray();

        Assert.True(files.Length > 300, "The files were not found.");
        Assert.Equal(
            ["RandomSource.cs", "SeededRandomSource.cs"],
            files.Where(file => OwnChoice().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"\bRandom\.Shared\b|\bGuid\.(NewGuid|CreateVersion7)\b|\bnew Random\(|\bRandom \w+ = new\(")]
    private static partial Regex OwnChoice();

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex BuildOutput();
}
