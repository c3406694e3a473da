using System.Text;
using System.Text.Json;
using OrleansStream.Records;
using OrleansStream.Rest.Errors;
using OrleansStream.Rest.Produce;

namespace OrleansStream.Tests.Api;

/// <summary>Values that are passed over without being walked through: they are stored as sent, and what is wrong behind them is found.</summary>
public sealed class ProduceJsonTests
{
    [Fact]
    public void Parse_OfObjectsAndLists_StoresEachAsItWasSent()
    {
        string[] values = ["{}", "[ ]", """{ "a" : [1, {"b":"}]\"\\"}],"é":"\u00e9\ud83d\ude00" }""", "[[[[1e-3]]]]", "7", "\"text\"", "{\"a\":{}}"];
        var records = string.Join(" ,\n", values.Select((value, i) => $$"""{"value": {{value}} , "key":"{{i}}"}"""));
        using var collector = Parse($$"""{"records":[{{records}}],"acks":1}""");
        ReadOnlySpan<byte> batch = collector.Finish().Span;
        var stored = new List<(string Key, string Value)>();
        using var reader = new RecordBatchReader(batch);
        while (reader.TryReadNext(out var record))
            stored.Add((Encoding.UTF8.GetString(record.Key), Encoding.UTF8.GetString(record.Value)));
        Assert.Equal(values.Select((value, i) => ($"{i}", value)), stored);
    }

    [Theory]
    [InlineData("{\"records\":[{\"value\":{\"a\":[1]}},\n {\"value\":{\"b\":2},}]}")]
    [InlineData("{\"records\":[{\"value\":[{},{}]}\n,{\"value\":{\"b\":[2}}]}")]
    [InlineData("{\"records\":[{\"value\":[1]}] \n \"acks\":1}")]
    public void Parse_WhenTheBodyBreaksBehindAnObject_NamesThePlaceInTheBody(string body)
    {
        var refused = Assert.Throws<RequestException>(() => Parse(body).Dispose());
        JsonException? expected = null;
        try
        {
            using var document = JsonDocument.Parse(body);
        }
        catch (JsonException exception)
        {
            expected = exception;
        }

        Assert.EndsWith(expected!.Message, refused.Error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void Parse_WhenTypesComeBehindTheRecords_ReadsThemAgainByThose()
    {
        using var collector = Parse("""{"records":[{"key":{"a":1},"value":"YQ=="},{"key":[2],"value":"Yg=="}],"key_type":"json","value_type":"binary"}""");
        using var reader = new RecordBatchReader(collector.Finish().Span);
        Assert.True(reader.TryReadNext(out var first));
        Assert.Equal(("""{"a":1}""", "a"), (Encoding.UTF8.GetString(first.Key), Encoding.UTF8.GetString(first.Value)));
        Assert.True(reader.TryReadNext(out var second));
        Assert.Equal(("[2]", "b"), (Encoding.UTF8.GetString(second.Key), Encoding.UTF8.GetString(second.Value)));
        Assert.False(reader.TryReadNext(out _));
    }

    private static RecordCollector Parse(string body)
    {
        var records = new RecordCollector(0);
        ProduceJson.Parse(Encoding.UTF8.GetBytes(body), isPartitionFixed: false, records);
        return records;
    }
}
