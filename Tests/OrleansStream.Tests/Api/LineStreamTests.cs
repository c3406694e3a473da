using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Api;

/// <summary>An ndjson stream that is longer than what is kept of its results.</summary>
[Collection(ApiTests.Name)]
public sealed class LineStreamTests(ApiFixture api)
{
    [Fact]
    public async Task Post_WhenThereAreMoreLinesThanAreKept_SendsResultsWhileTheyCome()
    {
        string topic = await api.CreateTopicAsync();
        int lineCount = OrleansStream.Api.Limits.NdjsonResultsKeptMax + 30_000;
        int badLine = lineCount - 10;
        using var content = new Lines(lineCount, badLine);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = content };
        using HttpResponseMessage response = await api.SendAsync(request);
        string[] results = (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(lineCount, results.Length);
        foreach (int line in (int[])[0, 99_999, 100_000, badLine - 1, badLine + 1, lineCount - 1])
            Assert.Equal(line > badLine ? line - 1 : line, (long)JsonNode.Parse(results[line])!["offset"]!);
        Assert.Equal("INVALID_REQUEST", (string?)JsonNode.Parse(results[badLine])!["error"]!["error_code"]);
        JsonNode partitions = await api.GetAsync($"/v1/topics/{topic}/partitions");
        Assert.Equal(lineCount - 1, (long)partitions["partitions"]![0]!["high_watermark"]!);
    }

    private sealed class Lines : HttpContent
    {
        private readonly int _count;
        private readonly int _bad;

        public Lines(int count, int bad)
        {
            (_count, _bad) = (count, bad);
            Headers.ContentType = new("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (int[] lines in Enumerable.Range(0, _count).Chunk(1_000))
                await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Concat(lines.Select(line => line == _bad ? "{\"valu\":1}\n" : $"{{\"value\":{line}}}\n"))));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
