using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>A file, and a type over all its files, can be read in one go.</summary>
public sealed partial class FileSizeTests
{
    private const int FileLinesMax = 310, TypeLinesMax = 610;

    private static readonly string[] Folders = ["Api", "Grains", "Grains.Interfaces", "Silo", "Tests"];

    // A suite that several stores share.
    private static readonly string[] LongFiles = ["SegmentStoreConformance.cs"];

    private static (string Path, int Lines)[] Files { get; } =
    [
        .. Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !BuildOutput().IsMatch(file)).Select(file => (file, File.ReadLines(file).Count())),
    ];

    [Fact]
    public void Files_AreShort()
    {
        Assert.True(Files.Length > 600, "The files were not found.");
        Assert.Equal(LongFiles,
            Files.Where(file => file.Lines > FileLinesMax).Select(file => Path.GetFileName(file.Path)).Order(StringComparer.Ordinal));
    }

    /// <summary>The parts of a type are <c>Type.cs</c> and <c>Type.Part.cs</c>, in one folder.</summary>
    [Fact]
    public void Types_OverAllTheirParts_AreShort() => Assert.Empty(
        Files.GroupBy(file => Path.Join(Path.GetDirectoryName(file.Path), Path.GetFileName(file.Path).Split('.')[0]))
            .Where(parts => parts.Sum(part => part.Lines) > TypeLinesMax).Select(parts => Path.GetFileName(parts.Key)));

    [GeneratedRegex(@"[/\\](bin|obj|node_modules)[/\\]")]
    private static partial Regex BuildOutput();
}
