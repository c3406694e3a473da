using OrleansStream.WebConsole.Records;

namespace OrleansStream.WebConsole.Tests;

/// <summary>Which records a filter takes.</summary>
public sealed class RecordFilterTests
{
    private static readonly BrowsedRecord Goal = new(
        3, 1207, DateTimeOffset.UnixEpoch, "argentina-brazil", """{"event":"goal","minute":80,"lines":[{"team":"peru"}],"id":9007199254740993}""", "json",
        [KeyValuePair.Create("source", (string?)"stadium")]);

    [Theory]
    [InlineData("$.minute >= 80", true)]
    [InlineData("$.minute > 80", false)]
    [InlineData("minute < 100", true)]
    [InlineData("$.event = goal", true)]
    [InlineData("$.event = \"goal\"", true)]
    [InlineData("$.event != goal", false)]
    [InlineData("$.lines[0].team", true)]
    [InlineData("$.lines[1].team", false)]
    [InlineData("$.lines[0].team = peru", true)]
    [InlineData("$.id = 9007199254740993", true)]
    [InlineData("$.id = 9007199254740992", false)]
    [InlineData("$.none", false)]
    public void Takes_ByAJsonPath_LooksThere(string json, bool takes) => Assert.Equal(takes, new RecordFilter(null, null, null, json).Takes(Goal));

    [Theory]
    [InlineData("$")]
    [InlineData("$.a =")]
    [InlineData("$.a b = 1")]
    [InlineData("$..a")]
    public void Filter_WithAPathThatCannotBeUnderstood_SaysWhatCan(string json)
    {
        if (json == "$..a")
        {
            // An empty step in the middle.
            Assert.Throws<FormatException>(() => new RecordFilter(null, null, null, "$.b..a"));
            return;
        }

        var failure = Assert.Throws<FormatException>(() => new RecordFilter(null, null, null, json));
        Assert.Contains("$.minute", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("BRAZIL", null, null, true)]
    [InlineData("peru", null, null, false)]
    [InlineData(null, "\"goal\"", null, true)]
    [InlineData(null, "corner", null, false)]
    [InlineData(null, null, "source", true)]
    [InlineData(null, null, "source=stadium", true)]
    [InlineData(null, null, "source=tv", false)]
    [InlineData("brazil", "goal", "tv", false)]
    public void Takes_ByKeyValueAndHeader_NeedsAllOfThem(string? key, string? value, string? header, bool takes) =>
        Assert.Equal(takes, new RecordFilter(key, value, header, null).Takes(Goal));

    [Fact]
    public void Takes_OfATombstone_NeedsNoValue()
    {
        var tombstone = Goal with { Value = null, ValueType = null };

        Assert.True(new RecordFilter("brazil", null, null, null).Takes(tombstone));
        Assert.False(new RecordFilter(null, "goal", null, null).Takes(tombstone));
        Assert.False(new RecordFilter(null, null, null, "$.event").Takes(tombstone));
    }
}
