using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Rest.Produce;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>An ndjson stream that is longer than what is kept of its results.</summary>
[Collection(ApiTests.Name)]
public sealed class LineStreamTests(ApiFixture api)
{
    [Theory]
    [InlineData("{\"valu\":1}"), InlineData("{\"\\ud800\":1}")]
    public async Task Post_WhenThereAreMoreLinesThanAreKept_SendsResultsWhileTheyCome(string bad)
    {
        var topic = await api.CreateTopicAsync();
        var lineCount = ProduceLimits.NdjsonResultsKeptMax + 30_000;
        var badLine = lineCount - 10;
        using var content = new Lines(lineCount, badLine, bad);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = content };
        using var response = await api.SendAsync(request);
        var results = (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(lineCount, results.Length);
        foreach (var line in (int[])[0, 99_999, 100_000, badLine - 1, badLine + 1, lineCount - 1])
            Assert.Equal(line > badLine ? line - 1 : line, (long)JsonNode.Parse(results[line])!["offset"]!);
        Assert.Equal("INVALID_REQUEST", (string?)JsonNode.Parse(results[badLine])!["error"]!["error_code"]);
        var partitions = await api.GetAsync($"/v1/topics/{topic}/partitions");
        Assert.Equal(lineCount - 1, (long)partitions["partitions"]![0]!["high_watermark"]!);
    }

    [Theory]
    [InlineData("{\"\\ud800\":1}", ""), InlineData("{\"value\":\"\\udc00\"}", ".value"), InlineData("{\"value\":1,\"key_type\":\"\\ud800\"}", ".key_type")]
    [InlineData("{\"value\":1,\"headers\":[{\"\\ud800\":\"x\"}]}", ".headers[0]"), InlineData("{\"value\":1,\"headers\":[{\"key\":\"h\",\"value\":\"v\",\"value_type\":\"\\ud800\"}]}", ".headers[0].value_type")]
    [InlineData("{\"value\":1,\"timestamp\":\"\\ud800\"}", ".timestamp"), InlineData("{\"value\":1,\"partition\":1e400}", ".partition"), InlineData("\"\\ud800\"", "")]
    public async Task Post_WhenOneLineIsRefused_TheOthersAreStored(string bad, string field)
    {
        var topic = await api.CreateTopicAsync();
        var body = Encoding.UTF8.GetBytes($"{{\"value\":1}}\n{bad}\n{{\"value\":2}}\n{bad}\n");
        using var response = await api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body(body, "application/x-ndjson"));
        Assert.Equal(HttpStatusCode.MultiStatus, response.StatusCode);
        JsonNode[] results = [
            .. (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
        Assert.Equal([0L, null, 1L, null], results.Select(result => (long?)result["offset"]));
        Assert.Equal([null, "lines[1]" + field, null, "lines[3]" + field], results.Select(result => (string?)result["error"]?["field"]));
    }

    private sealed class Lines : HttpContent
    {
        private readonly int _count;
        private readonly int _bad;
        private readonly string _badLine;

        public Lines(int count, int bad, string badLine)
        {
            (_count, _bad, _badLine) = (count, bad, badLine);
            Headers.ContentType = new("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var lines in Enumerable.Range(0, _count).Chunk(1_000))
                await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line == _bad ? _badLine + "\n" : $"{{\"value\":{line}}}\n"))));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
