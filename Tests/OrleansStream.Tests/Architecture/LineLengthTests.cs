using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Lines of code can be read without scrolling. Only a line with a text may be longer: a text stays findable as one.</summary>
public sealed partial class LineLengthTests
{
    private const int LengthMax = 150;

    private static readonly string[] Folders = ["Grains", "Grains.Interfaces", "Silo", "Api", "Tests"];

    [Fact]
    public void Lines_WithoutAText_AreShort()
    {
        string[] files = [.. Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file))];

        Assert.True(files.Length > 900, "The files were not found.");
        Assert.Empty(files.SelectMany(file => File.ReadLines(file)
            .Where(line => line.Length > LengthMax && !line.Contains('"', StringComparison.Ordinal))
            .Select(line => $"{Path.GetFileName(file)}: {line.Trim()}")));
    }

    [GeneratedRegex(@"[/\\](bin|obj|node_modules)[/\\]")]
    private static partial Regex BuildOutput();
}
