using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Topics;

namespace OrleansStream.Tests.Topics;

/// <summary>Regular expressions over topics' names mean what RE2 means by them, match whole names, and their work is bounded.</summary>
public sealed class TopicPatternTests
{
    private static readonly ImmutableArray<string> Names =
        ["a", "a.b", "a1", "aa", "clicks", "clicks-eu", "clicks.eu", "orders", "orders_2026", "ORDERS"];

    [Theory]
    [InlineData("^clicks", "clicks")]
    [InlineData("^clicks.*", "clicks,clicks-eu,clicks.eu")]
    [InlineData("clicks[.]eu|^orders$", "clicks.eu,orders")]
    [InlineData(@"\Qa.b\E", "a.b")]
    [InlineData(@"\Qa.b", "a.b")]
    [InlineData("(?P<name>a)(?:[[:digit:]]|[[:punct:]]b)", "a.b,a1")]
    [InlineData("a[^[:alnum:]]b", "a.b")]
    [InlineData("(?i)orders", "orders,ORDERS")]
    [InlineData("(?i:ORDERS)(_[0-9]{4})?", "orders,orders_2026,ORDERS")]
    [InlineData("(?U)a+", "a,aa")]
    [InlineData(@"\w+_\d+", "orders_2026")]
    [InlineData("[a-z-[x]+", "a,aa,clicks,clicks-eu,orders")]
    [InlineData(@"[\]a]", "a")]
    [InlineData("[]a]", "a")]
    [InlineData("a{2}", "aa")]
    [InlineData("none", "")]
    [InlineData("", "")]
    public void Match_FindsTheNamesThatMatchWhole(string pattern, string found) =>
        Assert.Equal(found, string.Join(',', TopicPattern.Parse(pattern).Match(Names, TimeProvider.System)));

    [Theory]
    [InlineData("a(")]
    [InlineData("[a")]
    [InlineData("a**")]
    [InlineData(@"a\")]
    [InlineData("(?=a)a")]
    [InlineData("(?<!a)a")]
    [InlineData("(?>a)")]
    [InlineData("(?#a)a")]
    [InlineData("(?x) a")]
    [InlineData("(?'n'a)")]
    [InlineData(@"(a)\1")]
    [InlineData(@"(?P<n>a)\k<n>")]
    [InlineData(@"a\Z")]
    [InlineData(@"\pL")]
    [InlineData("[[:letter:]]")]
    [InlineData("a{1001}")]
    [InlineData("a{1,1001}")]
    [InlineData("(?<1>a)")]
    public void Parse_OfWhatRe2DoesNotKnow_IsRefused(string pattern) => Assert.Equal(
        StreamErrorCode.InvalidRegularExpression, Assert.Throws<StreamException>(() => TopicPattern.Parse(pattern)).Error.Code);

    [Fact]
    public void Parse_OfTooManyCharacters_IsRefused()
    {
        var error = Assert.Throws<StreamException>(() => TopicPattern.Parse(new string('a', TopicPatternLimits.LengthMax + 1))).Error;
        Assert.Equal(StreamErrorCode.InvalidRegularExpression, error.Code);
        Assert.Contains($"{TopicPatternLimits.LengthMax}", error.Detail, StringComparison.Ordinal);
        TopicPattern.Parse(new string('a', TopicPatternLimits.LengthMax));
    }

    /// <summary>Expressions that take an engine with backtracking, or one that unfolds counts, for ever.</summary>
    [Theory]
    [InlineData("(a+)+b")]
    [InlineData("(a|aa)+b")]
    [InlineData("(.*a){12}b")]
    [InlineData("((a{0,100}){0,100}){0,100}b")]
    [InlineData("(((a{1,1000}){1,1000}){1,1000}){1,1000}b")]
    [InlineData(".*a.{1000}|.*b.{1000}")]
    [InlineData("(?i)(((.{0,999}a){0,999}b){0,999}c){0,999}")]
    public void Match_OfACostlyExpression_EndsOrIsRefusedInTime(string pattern)
    {
        ImmutableArray<string> names = [.. Enumerable.Range(0, 10_000).Select(i => $"{new string('a', 240)}{i}")];
        var started = TimeProvider.System.GetTimestamp();
        try
        {
            TopicPattern.Parse(pattern).Match(names, TimeProvider.System);
        }
        catch (StreamException exception)
        {
            // Too large an automaton, or too long a time.
            Assert.True(
                exception.Error.Code is StreamErrorCode.InvalidRegularExpression or StreamErrorCode.CoordinatorLoadInProgress,
                exception.Error.Detail);
        }

        // The bound is for matching; a busy machine may be slower, but not without end.
        Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, 20 * TopicPatternLimits.MatchingMax);
    }
}
