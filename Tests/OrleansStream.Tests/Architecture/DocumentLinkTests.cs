using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Architecture;

/// <summary>Every link of every document of the repository leads to a file that is there, and to a heading that the file has.</summary>
public sealed partial class DocumentLinkTests
{
    private static readonly string[] NotOurs = ["node_modules", "bin", "obj", ".git"];

    [Fact]
    public void Links_WhenTheyPointIntoTheRepository_Exist()
    {
        var links = Documents(new DirectoryInfo(Repository.Root))
            .SelectMany(document => Link().Matches(Text(document)).Select(match => (Document: document, Target: match.Groups[1].Value)))
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal) && !link.Target.StartsWith('/'))
            .ToList();

        Assert.True(links.Count > 100, "The links were not found.");
        Assert.Empty(links.Where(link => !Exists(link.Document, link.Target)).Select(link => $"{link.Document}: {link.Target}"));
    }

    [Theory]
    [InlineData("README.md#what-is-promised", true)]
    [InlineData("README.md#guarantees", false)]
    [InlineData("NONE.md", false)]
    public void Exists_OfATarget_TellsFilesAndHeadings(string target, bool exists) =>
        Assert.Equal(exists, Exists(Repository.PathOf("CONTRIBUTING.md"), target));

    private static bool Exists(string document, string target)
    {
        var parts = target.Split('#', 2);
        var path = parts[0].Length == 0 ? document : Path.GetFullPath(Path.Join(Path.GetDirectoryName(document), parts[0]));
        if (!Path.Exists(path))
            return false;
        return parts.Length == 1 || !path.EndsWith(".md", StringComparison.Ordinal)
            || Heading().Matches(Text(path)).Select(match => AnchorOf(match.Groups[1].Value)).Contains(parts[1]);
    }

    // As GitHub makes them: small letters, blanks become hyphens, other signs go.
    private static string AnchorOf(string heading) =>
        OtherSigns().Replace(LinkText().Replace(heading.Trim(), "$1").ToLowerInvariant(), "").Replace(' ', '-');

    private static IEnumerable<string> Documents(DirectoryInfo folder) => folder.EnumerateFiles("*.md").Select(file => file.FullName)
        .Concat(folder.EnumerateDirectories().Where(inner => !NotOurs.Contains(inner.Name)).SelectMany(Documents));

    private static string Text(string path) => Code().Replace(File.ReadAllText(path), "");

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?m)^#+ (.+)$")]
    private static partial Regex Heading();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex LinkText();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex OtherSigns();

    [GeneratedRegex("(?s)```.*?```")]
    private static partial Regex Code();
}
