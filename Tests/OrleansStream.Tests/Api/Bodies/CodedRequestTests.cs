using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Gateway.Admission;
using OrleansStream.Rest.Fetch;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>
/// Bodies with a content coding, at every endpoint: whole they count as what they hold, and anything else is a 400 that stores nothing.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class CodedRequestTests(ApiFixture api)
{
    [Fact]
    public async Task Send_WhenTheBodyIsWhole_CountsAsItsContent()
    {
        foreach (var coding in Coded.Codings)
        {
            var plain = await api.CreateTopicAsync();
            var coded = await api.CreateTopicAsync();
            foreach ((var sent, var inCoding) in BodyKinds.Produce(plain).Zip(BodyKinds.Produce(coded)))
            {
                Assert.Equal(sent.Status, await SendAsync(sent.Request(sent.Body)));
                Assert.Equal(sent.Status, await SendAsync(inCoding.Request(Coded.Encode(coding, inCoding.Body), coding)));
            }

            Assert.Equal(await ValuesAsync(plain), await ValuesAsync(coded));
            foreach (var kind in BodyKinds.Others(plain, $"g-{Guid.NewGuid():N}"))
                Assert.True(kind.Status == await SendAsync(kind.Request(Coded.Encode(coding, kind.Body), coding)), $"{kind.Name}, {coding}");
        }
    }

    [Fact]
    public async Task Send_WhenTheBodyIsCutOffOrGoesOn_IsRefusedAndStoresNothing()
    {
        var topic = await api.CreateTopicAsync();
        var group = $"g-{Guid.NewGuid():N}";
        BodyKind[] kinds = [.. BodyKinds.Produce(topic), .. BodyKinds.Others(topic, group)];
        var bodies =
            from coding in Coded.Codings
            from kind in kinds
            let body = Coded.Encode(coding, kind.Body)
            from wrong in Wrong(body)
            select (coding, kind, wrong);
        foreach ((var coding, var kind, var wrong) in bodies)
        {
            var status = await SendAsync(kind.Request(wrong, coding));
            Assert.True(status == 400, $"{kind.Name}, {coding}, {wrong.Length} bytes: {status}");
        }

        Assert.Empty(await ValuesAsync(topic));
        // Nor is there a group.
        await api.GetAsync($"/v1/groups/{group}", 404);
    }

    [Fact]
    public async Task Send_WhenTheBodyIsCutOffAnywhere_IsRefused()
    {
        var topic = await api.CreateTopicAsync();
        var kinds = BodyKinds.Produce(topic);
        await Gen.Select(Gen.Int[0, Coded.Codings.Count - 1], Gen.Int[0, kinds.Count - 1], Gen.Double[0, 0.999]).SampleAsync(
            async (coding, kind, where) =>
            {
                var body = Coded.Encode(Coded.Codings[coding], kinds[kind].Body);
                return await SendAsync(kinds[kind].Request(body[..(int)(where * body.Length)], Coded.Codings[coding])) == 400;
            },
            iter: 300);
        Assert.Empty(await ValuesAsync(topic));
    }

    [Fact]
    public async Task Send_WhenABodyUnderAKeyIsCutOff_LeavesTheKeyToTheWholeOne()
    {
        foreach (var coding in Coded.Codings)
        {
            var topic = await api.CreateTopicAsync();
            foreach (var kind in BodyKinds.Produce(topic))
            {
                var body = Coded.Encode(coding, kind.Body);
                var key = Guid.NewGuid().ToString();
                long before = (await ValuesAsync(topic)).Length;
                Assert.Equal(400, await SendAsync(Keyed(kind.Request(body[..^1], coding), key)));
                Assert.Equal(before, (await ValuesAsync(topic)).Length);
                Assert.Equal(200, await SendAsync(Keyed(kind.Request(body, coding), key)));
                long after = (await ValuesAsync(topic)).Length;
                Assert.Equal(200, await SendAsync(Keyed(kind.Request(body, coding), key)));
                Assert.Equal(after, (await ValuesAsync(topic)).Length);
            }
        }
    }

    // The first lines are stored while the rest is still to come.
    [Fact]
    public async Task Post_WhenLinesFlowAndTheirBodyIsCutOff_SaysSoBehindTheResults()
    {
        foreach (var coding in Coded.Codings)
        {
            var topic = await api.CreateTopicAsync();
            (var first, var second) = Coded.EncodeInTwo(coding, "{\"value\":1}\n{\"value\":2}\n{\"va"u8, "lue\":3}\n{\"value\":4}\n"u8);
            using var content = new Halves(
                first, second[..^1],
                () => Wait.UntilAsync("the first lines are stored", async () => (await EndOffsetAsync(topic)) == 2));
            content.Headers.ContentEncoding.Add(coding);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = content };
            using var response = await api.SendAsync(request);
            var results = (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

            Assert.Equal(207, (int)response.StatusCode);
            Assert.Equal(3, results.Length);
            Assert.Equal(["1", "2"], await ValuesAsync(topic));
            Assert.All(results[..^1], result => Assert.NotNull(JsonNode.Parse(result)!["offset"]));
            Assert.Equal("Content-Encoding", (string?)JsonNode.Parse(results[^1])!["error"]!["field"]);
        }
    }

    [Fact]
    public async Task Post_WhenLinesFlowAndTheNodeHasNoMemoryLeft_SaysSoBehindTheResults()
    {
        foreach (var coding in Coded.Codings)
        {
            var topic = await api.CreateTopicAsync();
            (var first, var second) = Coded.EncodeInTwo(coding, "{\"value\":1}\n"u8, Encoding.UTF8.GetBytes($"{{\"value\":\"{new string('x', 20_000)}\"}}\n"));
            long taken = 0;
            using var content = new Halves(first, second, async () =>
            {
                await Wait.UntilAsync("the first line is stored", async () => (await EndOffsetAsync(topic)) == 1);
                for (var bytes = AdmissionLimits.RequestBytesInFlightMax; bytes > 0; bytes /= 2)
                {
                    while (api.Node.TryTake(bytes))
                        taken += bytes;
                }
            });
            content.Headers.ContentEncoding.Add(coding);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/records") { Content = content };
            using var response = await api.SendAsync(request);
            api.Node.Return(taken);
            var results = (await ApiFixture.TextAsync(response)).Split('\n', StringSplitOptions.RemoveEmptyEntries);

            Assert.Equal((207, 2), ((int)response.StatusCode, results.Length));
            Assert.Equal("THROTTLING_QUOTA_EXCEEDED", (string?)JsonNode.Parse(results[1])!["error"]!["error_code"]);
            Assert.Equal(["1"], await ValuesAsync(topic));
        }
    }

    [Fact]
    public async Task Send_WhenAByteOrderMarkComesBeforeJson_PassesOverIt()
    {
        var topic = await api.CreateTopicAsync();
        foreach (var kind in BodyKinds.Produce(topic).Concat(BodyKinds.Others(topic, $"g-{Guid.NewGuid():N}")).Where(kind => kind.IsText))
        {
            byte[] marked = [0xEF, 0xBB, 0xBF, .. kind.Body];
            Assert.True(kind.Status == await SendAsync(kind.Request(marked)), kind.Name);
            Assert.True(kind.Status == await SendAsync(kind.Request(Coded.Encode("gzip", marked), "gzip")), kind.Name);
            Assert.True(400 == await SendAsync(kind.Request([0xEF, 0xBB, 0xBF, .. marked])) || kind.Type == BodyKinds.Ndjson, kind.Name);
        }

        // What is no JSON is stored as it is.
        await api.PostAsync($"/v1/topics/{topic}/records", ApiFixture.Body([0xEF, 0xBB, 0xBF, (byte)'a'], "text/plain"));
        Assert.Equal("\uFEFFa", (await ValuesAsync(topic))[^1]);
    }

    private static IEnumerable<byte[]> Wrong(byte[] body)
    {
        foreach (var cut in new[] { 0, 1, 2, body.Length / 2, body.Length - 5, body.Length - 1 }.Where(cut => cut < body.Length).Distinct())
            yield return body[..cut];
        foreach (var junk in new byte[][] { [0], [0x1F], "\n"u8.ToArray(), "junk"u8.ToArray(), body[..^1] })
            yield return [.. body, .. junk];
        yield return [.. body, .. "junk"u8, .. body];
    }

    private static HttpRequestMessage Keyed(HttpRequestMessage request, string key)
    {
        request.Headers.Add("Idempotency-Key", key);
        return request;
    }

    private async Task<int> SendAsync(HttpRequestMessage request)
    {
        using (request)
        {
        using (var response = await api.SendAsync(request))
            return (int)response.StatusCode;
        }
    }

    private async Task<long> EndOffsetAsync(string topic) =>
        (long)(await api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]![0]!["high_watermark"]!;

    private async Task<string[]> ValuesAsync(string topic) =>
        [.. (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?limit={FetchLimits.FetchRecordsMax}"))["records"]!.AsArray()
            .Select(record => record!["value"]!.ToString())];

    private sealed class Halves : HttpContent
    {
        private readonly byte[] _first, _second;
        private readonly Func<Task> _between;

        public Halves(byte[] first, byte[] second, Func<Task> between)
        {
            (_first, _second, _between) = (first, second, between);
            Headers.ContentType = new(BodyKinds.Ndjson);
        }

        protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
        {
            await stream.WriteAsync(_first);
            await stream.FlushAsync();
            await _between();
            await stream.WriteAsync(_second);
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
