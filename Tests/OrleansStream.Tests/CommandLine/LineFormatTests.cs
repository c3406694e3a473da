using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Cli.Produce;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Lines as they become records, and how they are cut out of a stream.</summary>
[Collection(ApiTests.Name)]
public sealed class LineFormatTests(ApiFixture api)
{
    [Fact]
    public void Parse_WithKafkasProperties_CutsHeadersKeyAndValue()
    {
        var format = new LineFormat().With(["parse.headers=true", "parse.key=true", "key.separator=::", "null.marker=NULL", @"headers.delimiter=\x1F"]);

        var record = format.Parse(Bytes("h1:v1,h2:NULL\u001Fthe key::the::value"), 1);

        Assert.Equal("the key", Text(record.KeyBytes));
        Assert.Equal("the::value", Text(record.Value));
        Assert.Equal([("h1", "v1"), ("h2", null)], record.Headers!.Select(header => (header.Key, header.Text)));
        Assert.False(record.IsTombstone);
    }

    [Theory]
    [InlineData(":value", "", "value")]
    [InlineData("key:", "key", "")]
    [InlineData("a:b:c", "a", "b:c")]
    public void Parse_OfEmptyParts_KeepsThem(string line, string key, string value)
    {
        var record = Keyed().Parse(Bytes(line), 1);

        Assert.Equal((key, value), (Text(record.KeyBytes), Text(record.Value)));
        Assert.False(record.IsTombstone);
    }

    [Fact]
    public void Parse_OfNullsMarker_IsNullOnlyWhereAMarkerIsSet()
    {
        Assert.False(Keyed().Parse(Bytes("k:null"), 1).IsTombstone);
        var record = (Keyed() with { NullMarker = "null"u8.ToArray() }).Parse(Bytes("null:null"), 1);
        Assert.True(record.IsTombstone);
        Assert.Null(record.KeyBytes);
    }

    [Fact]
    public void Parse_WithoutASeparator_NamesTheLineUnlessItIsTolerated()
    {
        Assert.Contains("Line 7 has no key separator ':'", Assert.Throws<InvalidDataException>(() => Keyed().Parse(Bytes("no key"), 7)).Message, StringComparison.Ordinal);
        var record = (Keyed() with { ToleratesLines = true }).Parse(Bytes("no key"), 7);
        Assert.Equal((null, "no key"), (Text(record.KeyBytes), Text(record.Value)));
    }

    [Theory]
    [InlineData("parse.keys=true", "is not known")]
    [InlineData("parse.key=1", "true or false")]
    [InlineData("key.separator=", "must not be empty")]
    [InlineData("parse.key", "must be a name")]
    public void With_OfAWrongProperty_SaysWhatIsWrong(string property, string message) =>
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => new LineFormat().With([property])).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("", 1)]
    [InlineData("one", 1)]
    [InlineData("one\ntwo\r\n\nthree", 1)]
    [InlineData("one\ntwo\r\n\nthree\n", 3)]
    [InlineData("\uFEFFone\n\uFEFFtwo", 2)]
    public async Task LineReader_OfAnyPieces_ReadsTheSameLines(string text, int piece)
    {
        var expected = text.TrimStart('\uFEFF').Split('\n').Select(line => line.TrimEnd('\r')).ToList();
        if (expected[^1].Length == 0)
            expected.RemoveAt(expected.Count - 1);
        var reader = new LineReader(new Pieces(Bytes(text).ToArray(), piece));

        var lines = new List<string>();
        while (await reader.ReadAsync(CancellationToken.None) is { } line)
            lines.Add(Encoding.UTF8.GetString(line.Span));

        Assert.Equal(expected, lines);
        Assert.Equal(expected.Count, reader.Number);
    }

    [Fact]
    public async Task LineReader_OfALineThatIsTooLong_NamesIt()
    {
        var bytes = new byte[ProduceLimits.LineBytesMax + 3];
        "a\n"u8.CopyTo(bytes);
        var reader = new LineReader(new MemoryStream(bytes));
        Assert.NotNull(await reader.ReadAsync(CancellationToken.None));

        var error = await Assert.ThrowsAsync<InvalidDataException>(async () => await reader.ReadAsync(CancellationToken.None));

        Assert.StartsWith("Line 2 is longer than", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("{}")]
    [InlineData("""{"value":1,"colour":2}""")]
    [InlineData("""{"value":1,"value":2}""")]
    [InlineData("""{"value":1,"value_type":"binary"}""")]
    [InlineData("""{"key":1,"value":1}""")]
    [InlineData("""{"value":"x","value_type":"hex"}""")]
    [InlineData("""{"value":"x","value_type":7}""")]
    [InlineData("""{"value":"AQ I=","value_type":"binary"}""")]
    [InlineData("""{"value":1,"timestamp":"2026-06-11T19:20:00"}""")]
    [InlineData("""{"value":1,"timestamp":-1}""")]
    [InlineData("""{"value":1,"timestamp":true}""")]
    [InlineData("""{"value":1,"headers":{}}""")]
    [InlineData("""{"value":1,"headers":[7]}""")]
    [InlineData("""{"value":1,"headers":[{"key":"a","value":"b","colour":2}]}""")]
    [InlineData("""{"value":1,"headers":[{"key":"a","key":"b","value":"b"}]}""")]
    [InlineData("""{"value":1,"headers":[{"key":"a"}]}""")]
    [InlineData("""{"value":1,"headers":[{"value":"b"}]}""")]
    [InlineData("""{"value":1,"headers":[{"key":1,"value":"b"}]}""")]
    [InlineData("""{"value":1,"headers":[{"key":"a","value":{}}]}""")]
    [InlineData("""{"value":1,"headers":[{"key":"a","value":"b","value_type":"json"}]}""")]
    public async Task JsonRecords_OfNoRecord_NameTheLineAndSayWhatRestSays(string line)
    {
        var topic = await api.CreateTopicAsync();
        using var refused = await api.Client.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Json($$"""{"records":[{{line}}]}"""), TestContext.Current.CancellationToken);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(refused))!;

        var error = Assert.Throws<InvalidDataException>(() => JsonRecords.Parse(Bytes(line), 4));

        Assert.StartsWith("Line 4 is no record such as ", error.Message, StringComparison.Ordinal);
        // Where REST names the record in its list, a line is the record.
        var detail = ((string)problem["detail"]!).Replace("records[0].", "", StringComparison.Ordinal).Replace("'records[0]'", "It", StringComparison.Ordinal);
        Assert.EndsWith(detail, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void JsonRecords_OfALineThatIsNotWhole_NameTheLine() => Assert.Contains(
        "Line 4", Assert.Throws<InvalidDataException>(() => JsonRecords.Parse(Bytes("{"), 4)).Message, StringComparison.Ordinal);

    [Fact]
    public void JsonRecords_TakeTimesWithTheirOffsetAndHeadersOfBothKinds()
    {
        var record = JsonRecords.Parse(
            Bytes("""{"value":null,"timestamp":"2026-06-11T21:20:00+02:00","headers":[{"key":"YQ==","key_type":"binary","value":"AQI=","value_type":"binary"},{"key":"b","value":null}]}"""), 1);

        Assert.Equal(DateTimeOffset.Parse("2026-06-11T19:20:00Z"), record.Timestamp);
        Assert.True(record.IsTombstone);
        Assert.Equal([("a", 2), ("b", -1)], record.Headers!.Select(header => (header.Key, header.Value?.Length ?? -1)));
    }

    [Fact]
    public void JsonRecords_OfARecord_TakeValuesAsTheyAreWritten()
    {
        var record = JsonRecords.Parse(Bytes("""{"key":"k","value":{"n": 9007199254740993},"timestamp":17,"offset":3,"partition":2,"topic":"t"}"""), 1);

        Assert.Equal(("k", """{"n": 9007199254740993}"""), (Text(record.KeyBytes), Text(record.Value)));
        Assert.Equal(17, record.Timestamp!.Value.ToUnixTimeMilliseconds());
        Assert.Null(record.Partition);
        Assert.Equal([1, 2], JsonRecords.Parse(Bytes("""{"value":"AQI=","value_type":"binary"}"""), 1).Value.ToArray());
    }

    private static LineFormat Keyed() => new() { HasKey = true, KeySeparator = ":"u8.ToArray() };

    private static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string? Text(ReadOnlyMemory<byte>? bytes) => bytes is { } some ? Encoding.UTF8.GetString(some.Span) : null;

    /// <summary>A stream whose reads give so many bytes at a time, as a pipe may.</summary>
    private sealed class Pieces(byte[] bytes, int length) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(length, buffer.Length)], cancellationToken);
    }
}
