using System.Text;
using CsCheck;
using OrleansStream.Contracts;
using OrleansStream.Groups;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Tests.Groups;

/// <summary>What headers say of a failed record is believed only of a copy that the service made, and within bounds.</summary>
public sealed class RetryStoryTests
{
    private const string Group = "g";
    private const string Retry = "t.g.retry";
    private static readonly string[] Names = ["group", "attempt", "due", "first_failure", "reason", "topic", "partition", "offset", "timestamp"];

    private static readonly Gen<string> Value = Gen.OneOf(
        RetryClient.OneOf(
            "g", "1", "2", "0", "-1", "+1", " 1", "21", "4294967298", "9223372036854775807", "99999999999999999999", "1.0", "1e1", "x", "", "t", "bad/name", "..",
            "2020-01-01T00:00:00.000Z", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "0001-01-01T00:00:00.000Z", "10000-01-01T00:00:00.000Z",
            "2020-01-01T00:00:00.000+14:00", "2020-13-01T00:00:00.000Z", "now", new string('x', 300), new string('r', 2_000)),
        Gen.String[0, 12]);

    // Mostly one or two lies: where there are many, one that is seen hides the others.
    private static readonly Gen<(string Name, string Value)[]> Headers =
        Gen.OneOf(Gen.Select(RetryClient.OneOf(Names), Value).Array[0, 2], Gen.Select(RetryClient.OneOf(Names), Value).Array[0, 14]);

    private static readonly RetryStory Genuine = new(2, 1_700_000_060_000, 1_700_000_000_000, "503", "t", 3, 17, 1_600_000_000_000);

    [Fact]
    public void Read_WhenACallerWroteTheHeaders_GivesNone() =>
        Gen.Select(Headers, Gen.Long[-1, ProducerIdRanges.DerivedMin - 1]).Sample((headers, id) =>
        {
            Assert.Null(Read(With(Told(Genuine), headers), id, Retry));
            return true;
        });

    [Fact]
    public void Read_WhenTheHeadersAreAny_GivesNoneOrOneWithinItsBounds() =>
        Gen.Select(Headers, RetryClient.OneOf(Retry, "t.g.dlq", "graves")).Sample((headers, topic) =>
        {
            if (Read(With(Told(Genuine), headers), ProducerIdRanges.DerivedMin + 5, topic) is not { } story)
                return;
            Assert.InRange(story.Attempt, 1, GroupLimits.AttemptsMax);
            Assert.True(story.Partition >= 0 && story.Offset >= 0 && story.Reason.Length <= GroupLimits.ReasonLengthMax);
            Assert.Null(TopicName.Validate(story.Topic));
            if (topic == Retry)
                Assert.Equal(Retry, RetryTopics.RetryOf(story.Topic, Group));
            // So it can be written again.
            Assert.Equal(story, Read(Written(story, []), ProducerIdRanges.DerivedMin, topic));
        }, iter: 20_000);

    // The command line and the console, which know no grains, show a dead letter by these.
    [Fact]
    public void RetryHeaders_AreThoseOfAStory()
    {
        var written = Told(Genuine).Select(header => header.Name);
        string[] shown = [.. typeof(RetryHeaders).GetFields().Select(field => (string)field.GetRawConstantValue()!)];
        Assert.Equal(6, shown.Length);
        Assert.Empty(shown.Except(written));
    }

    [Fact]
    public void Write_ThenRead_GivesTheStoryAndLeavesTheRecordsOwnHeaders()
    {
        (string Name, string Value)[] own = [("source", "stadium"), ("retry.count", "7"), ("retry.", "a"), ("retry.attempts", "b")];
        Assert.Equal(Genuine, Read(Written(Genuine, own), ProducerIdRanges.DerivedMin, Retry));
        var headers = new List<string>();
        ReadOnly(Written(Genuine, own), ProducerIdRanges.DerivedMin, (_, record) =>
        {
            foreach (var header in record.Headers)
                headers.Add(Encoding.UTF8.GetString(header.Key));
        });
        Assert.Equal([.. own.Select(header => header.Name), .. Names.Select(name => "retry." + name)], headers);
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(long.MinValue)]
    [InlineData(253_402_300_800_000)]
    public void Write_WhenTheRecordsTimeIsNoDate_LeavesItOut(long timestampMs) =>
        Assert.Equal(
            Genuine with { TimestampMs = -1 }, Read(Written(Genuine with { TimestampMs = timestampMs }, []), ProducerIdRanges.DerivedMin, Retry));

    [Fact]
    public void Read_WhenItIsAnotherGroupsOrAnOlderBuilds_TellsThemApart()
    {
        Assert.Null(Read(Written(Genuine, [], "other"), ProducerIdRanges.DerivedMin, "graves"));
        (string Name, string Value)[] older = [.. Told(Genuine).Where(header => header.Name != "retry.group")];
        Assert.Equal(Genuine, Read(older, ProducerIdRanges.DerivedMin, "graves"));
    }

    [Fact]
    public void TopicsOf_WhenTheTopicIsARetryTopic_AreItsOwn()
    {
        Assert.Equal(Retry, RetryTopics.RetryOf(Retry, Group));
        Assert.Equal("t.g.dlq", RetryTopics.DeadLettersOf(Retry, Group));
        Assert.Equal("t.g.dlq", RetryTopics.DeadLettersOf("t", Group));
    }

    private static (string Name, string Value)[] Told(RetryStory story) => Written(story, []);

    /// <summary>Some headers in place of those of the same names, or beside them.</summary>
    private static (string Name, string Value)[] With((string Name, string Value)[] told, (string Name, string Value)[] headers) =>
    [
        .. told.Where(header => headers.All(other => "retry." + other.Name != header.Name)),
        .. headers.Select(header => ("retry." + header.Name, header.Value)),
    ];

    private static (string Name, string Value)[] Written(RetryStory story, (string Name, string Value)[] own, string group = Group)
    {
        var written = new List<(string, string)>();
        ReadOnly(own, producerId: -1, (_, record) =>
        {
            using var writer = new RecordHeadersWriter();
            story.Write(writer, record, group);
            ReadOnly(writer.EncodedHeaders, producerId: -1, (_, copy) =>
            {
                foreach (var header in copy.Headers)
                    written.Add((Encoding.UTF8.GetString(header.Key), Encoding.UTF8.GetString(header.Value)));
            });
        });
        return [.. written];
    }

    private static RetryStory? Read((string Name, string Value)[] headers, long producerId, string topic)
    {
        RetryStory? story = null;
        ReadOnly(headers, producerId, (batch, record) => story = RetryStory.Read(batch, record, topic, Group));
        return story;
    }

    private static void ReadOnly((string Name, string Value)[] headers, long producerId, ReadRecord read)
    {
        using var writer = new RecordHeadersWriter();
        writer.Reset();
        foreach ((var name, var value) in headers)
            writer.Append(name, Encoding.UTF8.GetBytes(value));
        ReadOnly(headers.Length == 0 ? [] : writer.EncodedHeaders, producerId, read);
    }

    private static void ReadOnly(ReadOnlySpan<byte> headers, long producerId, ReadRecord read)
    {
        using var batch = new RecordBatchWriter();
        batch.Reset(producerId < 0 ? new RecordBatchOptions()
            : new RecordBatchOptions { ProducerId = producerId, ProducerEpoch = 0, BaseSequence = 0 });
        batch.Append(1_700_000_000_000, default, hasKey: false, "v"u8, hasValue: true, headers);
        batch.Finish();
        using var records = new StoredBatchReader(batch.ToArray());
        Assert.True(records.TryReadNext(out var record));
        read(records.Header, record);
    }

    private delegate void ReadRecord(RecordBatchHeader batch, RecordView record);
}
