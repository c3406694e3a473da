using System.Text;
using OrleansStream.Cli.Produce;

namespace OrleansStream.Tests.CommandLine;

/// <summary>Lines as they become records, and how they are cut out of a stream.</summary>
public sealed class LineFormatTests
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
    [InlineData("[1]", "no object")]
    [InlineData("{}", "no value")]
    [InlineData("""{"value":1,"colour":2}""", "'colour'")]
    [InlineData("""{"value":1,"value_type":"binary"}""", "no text")]
    [InlineData("""{"value":"x","value_type":"hex"}""", "'hex'")]
    [InlineData("{", "Line 4")]
    public void JsonRecords_OfNoRecord_NameTheLineAndTheField(string line, string message) =>
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => JsonRecords.Parse(Bytes(line), 4)).Message, StringComparison.Ordinal);

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
