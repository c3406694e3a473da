using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Topics;

public sealed class TopicSettingsTests
{
    [Theory]
    [InlineData("retention.ms", "-1")]
    [InlineData("retention.bytes", "9223372036854775807")]
    [InlineData("segment.bytes", "1024")]
    [InlineData("segment.ms", "1")]
    [InlineData("max.message.bytes", "3145728")]
    [InlineData("flush.interval.ms", "0")]
    [InlineData("compression.type", "zstd")]
    [InlineData("message.timestamp.type", "LogAppendTime")]
    [InlineData("message.timestamp.after.max.ms", "0")]
    public void From_WhenValueIsAllowed_ReadsBackAsGiven(string name, string value)
    {
        Assert.Null(TopicSettings.Validate([new(name, value)]));
        Assert.Equal(value, TopicSettings.Find(name)!.ValueIn(TopicConfig.From([new(name, value)])));
    }

    [Theory]
    [InlineData("retention.ms", "-2")]
    [InlineData("retention.ms", "1e3")]
    [InlineData("retention.ms", " 1")]
    [InlineData("segment.bytes", "1023")]
    [InlineData("max.message.bytes", "0")]
    [InlineData("max.message.bytes", "3145729")]
    [InlineData("compression.type", "ZSTD")]
    [InlineData("message.timestamp.type", "")]
    [InlineData("no.such.setting", "1")]
    public void Validate_WhenSettingIsBad_NamesTheFieldAndWhatIsAllowed(string name, string value)
    {
        var error = TopicSettings.Validate([new(name, value)]);

        Assert.Equal(StreamErrorCode.InvalidConfig, error?.Code);
        Assert.Equal($"config.{name}", error!.Field);
        Assert.Contains(TopicSettings.Find(name)?.Allowed ?? "retention.ms", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void From_WhenNothingIsGiven_HasTheDefaultsOfTheTable()
    {
        Assert.Equal(new TopicConfig(), TopicConfig.From([]));
        Assert.Equal("604800000", TopicSettings.Find("retention.ms")!.Default);
        Assert.Equal("producer", TopicSettings.Find("compression.type")!.Default);
        Assert.Equal(CompressionType.None, TopicConfig.From([new("compression.type", "uncompressed")]).Compression);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData(".", false)]
    [InlineData("..", false)]
    [InlineData("a b", false)]
    [InlineData("матч", false)]
    [InlineData("...", true)]
    [InlineData("World-Cup_2026.matches", true)]
    public void Validate_WhenNameIsGiven_KeepsKafkasRules(string name, bool isValid) =>
        Assert.Equal(isValid, TopicName.Validate(name) is null);

    [Fact]
    public void Validate_WhenNameIsLong_Takes249Characters()
    {
        Assert.Null(TopicName.Validate(new string('a', 249)));
        Assert.NotNull(TopicName.Validate(new string('a', 250)));
    }

    [Fact]
    public void Difference_WhenSettingIsGivenAsItsDefault_IsNone()
    {
        var topic = new TopicMetadata("t", Guid.NewGuid(), 6, ImmutableSortedDictionary<string, string>.Empty, 1, DateTimeOffset.UnixEpoch);
        var asked = new CreateTopicRequest(6, ImmutableSortedDictionary<string, string>.Empty.Add("segment.ms", "86400000"), null);

        Assert.Null(TopicRules.Difference(topic, asked));
        Assert.Equal(
            "partitions is 6, not 7; segment.ms is 86400000, not 5",
            TopicRules.Difference(topic, asked with { PartitionCount = 7, Config = asked.Config.SetItem("segment.ms", "5") }));
    }
}
