using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Tests wait for conditions. Where time itself has to pass, two classes of Support let it, and say what for.</summary>
public sealed partial class WaitingTests
{
    private static readonly string[] Allowed = ["Pacing.cs", "Wait.cs"];

    [Fact]
    public void Tests_LetTimePassInTwoPlacesOnly()
    {
        var folder = Repository.PathOf("Tests", "OrleansStream.Tests");
        var found = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(Path.GetRelativePath(folder, file)) && Sleep().IsMatch(File.ReadAllText(file)))
            .Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

        Assert.Equal(Allowed, found);
    }

    [GeneratedRegex(@"^(bin|obj)[/\\]")]
    private static partial Regex BuildOutput();

    [GeneratedRegex(@"\b(Task\.Delay|Thread\.Sleep)\(")]
    private static partial Regex Sleep();
}
