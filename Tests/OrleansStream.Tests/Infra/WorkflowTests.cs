using System.Text.RegularExpressions;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Infra;

/// <summary>What runs on GitHub holds no secret, may do little, and runs nobody's newest by chance.</summary>
public sealed partial class WorkflowTests
{
    public static TheoryData<string> Workflows => [.. Directory.GetFiles(Repository.PathOf(".github", "workflows")).Select(file => Path.GetFileName(file))];

    [Theory]
    [MemberData(nameof(Workflows))]
    public void Workflow_OfAnyName_UsesNoStoredSecretAndFixedVersionsAndReadsOnly(string file)
    {
        var text = Read(file);
        Assert.DoesNotContain("secrets.", text, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^permissions:\n  contents: read\n", text);
        var actions = Uses().Matches(text).Select(match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(actions);
        Assert.All(actions, action => Assert.Matches(@"^[\w.-]+/[\w.-]+@(v\d+|[0-9a-f]{40})$", action));
        // What a stranger can name (a branch, a title) is never pasted into a shell's line.
        Assert.DoesNotMatch(@"run:.*\$\{\{", text);
    }

    [Fact]
    public void Publish_OfATag_TestsItAndThenSignsInByATokenOfThatJobAlone()
    {
        var text = Read("publish.yml");
        var images = text[text.IndexOf("\n  images:\n", StringComparison.Ordinal)..];
        Assert.Contains("needs: test", images, StringComparison.Ordinal);
        Assert.Contains("environment: publish", images, StringComparison.Ordinal);
        Assert.Contains("id-token: write", images, StringComparison.Ordinal);
        Assert.Single(Regex.Matches(text, ": write"));
        Assert.Contains("param environmentName string = 'publish'", File.ReadAllText(Repository.PathOf("infra", "bicep", "publisher.bicep")), StringComparison.Ordinal);
        Assert.True(File.Exists(Repository.PathOf(Script().Match(images).Groups[1].Value)));
        var documented = File.ReadAllText(Repository.PathOf("infra", "README.md"));
        Assert.All(Variable().Matches(images).Select(match => match.Groups[1].Value),
            name => Assert.Contains(name, documented, StringComparison.Ordinal));
    }

    private static string Read(string file) => File.ReadAllText(Repository.PathOf(".github", "workflows", file)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"uses: (\S+)")]
    private static partial Regex Uses();

    [GeneratedRegex(@"run: (\S+\.sh)")]
    private static partial Regex Script();

    [GeneratedRegex(@"vars\.(\w+)")]
    private static partial Regex Variable();
}
