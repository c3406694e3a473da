using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>
/// Random choices and ids come from the injected source, so that a run can be repeated: no other file of the core or the grains makes any.
/// </summary>
public sealed partial class RandomnessTests
{
    private static readonly string[] Folders = ["Grains", "Grains.Interfaces", Path.Join("Api", "Gateway", "Appending")];

    [Fact]
    public void Files_OfTheGrains_TakeRandomChoicesFromTheirSource()
    {
        var files = Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file)).ToArray();

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
