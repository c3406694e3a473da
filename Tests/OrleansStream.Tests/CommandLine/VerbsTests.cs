using System.CommandLine;
using OrleansStream.Cli;
using OrleansStream.Cli.Terminal;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.CommandLine;

/// <summary>All verbs and options: what they are called, that they are described, and that the README has them.</summary>
public sealed class VerbsTests
{
    private static readonly RootCommand Root = Verbs.Make(Screen.Open(), TimeProvider.System);

    public static TheoryData<string> Paths => [.. All(Root).Select(Verbs.PathOf)];

    [Fact]
    public void Verbs_StandInTheReadme()
    {
        var readme = File.ReadAllText(Repository.PathOf("Api", "Cli", "README.md"));
        Assert.True(All(Root).Count() > 30, "The verbs were not found.");
        Assert.All(All(Root).Select(verb => verb.Name), name => Assert.True(
            readme.Contains($"`{name}`", StringComparison.Ordinal) || readme.Contains($" {name}`", StringComparison.Ordinal)
            || readme.Contains($"`{name} ", StringComparison.Ordinal),
            $"README has no `{name}`."));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void Symbols_AreDescribed_AndNoNameMeansTwoThings(string path)
    {
        var verb = All(Root).Single(verb => Verbs.PathOf(verb) == path);
        Assert.All(verb.Arguments.Cast<Symbol>().Concat(verb.Options).Append(verb), symbol => Assert.NotEmpty(symbol.Description ?? ""));
        string[] names = [.. verb.Options.Concat(Root.Options).Distinct().SelectMany(option => option.Aliases.Append(option.Name))];
        Assert.Equal(names.Order(StringComparer.Ordinal), names.Distinct().Order(StringComparer.Ordinal));
        Assert.All(verb.Arguments, argument => Assert.EndsWith(".", argument.Description, StringComparison.Ordinal));
    }

    private static IEnumerable<Command> All(Command command) => command.Subcommands.SelectMany(verb => All(verb).Prepend(verb));
}
