using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Lines of code can be read without scrolling. Only a line with a text may be longer: a text stays findable as one.</summary>
public sealed class LineLengthTests
{
    private const int LengthMax = 150;

    private static readonly string[] Folders =
    [
        "Grains", "Grains.Interfaces", "Silo", Path.Join("Api", "Client"), Path.Join("Api", "Gateway"), Path.Join("Api", "Hosting"),
        Path.Join("Api", "Rest"), Path.Join("Api", "SignIn"),
    ];

    [Fact]
    public void Lines_WithoutAText_AreShort()
    {
        string[] files = [.. Folders.SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))];

        Assert.True(files.Length > 300, "The files were not found.");
        Assert.Empty(files.SelectMany(file => File.ReadLines(file)
            .Where(line => line.Length > LengthMax && !line.Contains('"', StringComparison.Ordinal))
            .Select(line => $"{Path.GetFileName(file)}: {line.Trim()}")));
    }
}
