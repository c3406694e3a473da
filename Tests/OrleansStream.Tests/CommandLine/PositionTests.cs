using System.Globalization;
using OrleansStream.Cli.Consume;
using OrleansStream.Cli.Texts;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Places and times as people write them.</summary>
public sealed class PositionTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 11, 17, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("beginning", PositionKind.Beginning, 0)]
    [InlineData("earliest", PositionKind.Beginning, 0)]
    [InlineData("end", PositionKind.End, 0)]
    [InlineData("latest", PositionKind.End, 0)]
    [InlineData("0", PositionKind.Offset, 0)]
    [InlineData("9007199254740993", PositionKind.Offset, 9_007_199_254_740_993)]
    [InlineData("-10", PositionKind.BeforeEnd, 10)]
    public void Parse_OfAPlace_IsThatPlace(string text, object kind, long value) =>
        Assert.Equal(new Position((PositionKind)kind, value), Position.Parse(text, "--from", Now));

    [Theory]
    [InlineData("2026-06-11T17:00:00Z", "2026-06-11T17:00:00Z")]
    [InlineData("2026-06-11T19:00:00.5+02:00", "2026-06-11T17:00:00.5Z")]
    [InlineData("@2026-06-11", "2026-06-11T00:00:00Z")]
    [InlineData("2026-06-11T08:30", "2026-06-11T08:30:00Z")]
    [InlineData("2026-06-11T08:30:15", "2026-06-11T08:30:15Z")]
    [InlineData("@1781197200000", "2026-06-11T17:00:00Z")]
    [InlineData("-90s", "2026-06-11T16:58:30Z")]
    [InlineData("@-15m", "2026-06-11T16:45:00Z")]
    [InlineData("-1h", "2026-06-11T16:00:00Z")]
    [InlineData("-2d", "2026-06-09T17:00:00Z")]
    public void Parse_OfATime_IsThatTimeInUtc(string text, string time) => Assert.Equal(
        new Position(PositionKind.Time, At: DateTimeOffset.Parse(time, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)), Position.Parse(text, "--from", Now));

    [Theory]
    [InlineData("")]
    [InlineData("+5")]
    [InlineData("middle")]
    [InlineData("-1w")]
    [InlineData("--1h")]
    [InlineData("@-999999999d")]
    [InlineData("2026-13-01")]
    [InlineData("99999999999999999999")]
    public void Parse_OfAnythingElse_SaysWhatIsAllowed(string text)
    {
        var error = Assert.Throws<ArgumentException>(() => Position.Parse(text, "--from", Now));
        Assert.Contains("--from must be beginning, end, an offset", error.Message, StringComparison.Ordinal);
        Assert.Contains(Times.Allowed, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("goal", "a goal", true)]
    [InlineData("goal", "GOAL", false)]
    [InlineData("=goal", "a goal", false)]
    [InlineData("=goal", "goal", true)]
    [InlineData("/^g.*l$/", "goal", true)]
    [InlineData("/^g.*l$/", "a goal", false)]
    [InlineData("/", "a/b", true)]
    [InlineData("", "anything", true)]
    [InlineData("", null, false)]
    public void TextPattern_IsMatch_ByPartByWholeOrByExpression(string pattern, string? text, bool isMatch) =>
        Assert.Equal(isMatch, TextPattern.Parse(pattern, "--key-filter").IsMatch(text));

    [Fact]
    public void TextPattern_OfAWrongExpression_NamesTheOption() => Assert.Contains(
        "--key-filter '/(/'", Assert.Throws<ArgumentException>(() => TextPattern.Parse("/(/", "--key-filter")).Message, StringComparison.Ordinal);
}
