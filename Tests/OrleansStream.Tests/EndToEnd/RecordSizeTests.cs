using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>Records of every size come back exactly, up to the topic's bound and not one byte more.</summary>
[Collection(SharedServiceCollection.Name)]
public sealed class RecordSizeTests(ServiceFixture fixture)
{
    private const int MessageBytesMax = 1_048_588;
    private const string HeaderKey = "h";

    private static readonly int[] Sizes =
        [1, 2, 3, 63, 64, 65, 127, 128, 129, 8_191, 8_192, 8_193, 65_535, 65_536, 65_537, 1_000_000, MessageBytesMax - 1, MessageBytesMax];

    private readonly Random _random = new(TestSeed.Value);

    [Fact]
    public async Task Produce_WhenTheRecordHasAnySizeAndAnyBytes_GivesItBackExactly()
    {
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("sizes", 1);
        foreach (var size in Sizes)
        {
            // Sizes are of key, value and headers together.
            var key = size > 10 ? RandomBytes(size / 5) : null;
            var header = size > 100 ? RandomBytes(size / 7) : null;
            var value = RandomBytes(size - (key?.Length ?? 0) - (header is null ? 0 : header.Length + HeaderKey.Length));
            var places = ServiceClient.PlacesOf((await PostAsync(client, "sizes", key, value, header)).Expect(HttpStatusCode.OK));

            var read = (await client.GetAsync(
                $"/v1/topics/sizes/partitions/0/records?offset={places[0].Offset}&limit=1&key_as=binary&value_as=binary")).Expect(HttpStatusCode.OK);
            var record = Assert.Single(read.Body!["records"]!.AsArray())!;
            Assert.Equal(key, Decode(record["key"]));
            Assert.Equal(value, Decode(record["value"]));
            if (header is not null)
                Assert.Equal(header, HeaderBytes(record));
        }
    }

    [Fact]
    public async Task Produce_WhenABodyIsTheValue_GivesItBackExactly()
    {
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync("bodies", 1);
        foreach (var size in Sizes)
        {
            var value = RandomBytes(size);
            using var content = new ByteArrayContent(value);
            content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
            var answer = (await client.SendAsync(
                HttpMethod.Post, "/v1/topics/bodies/records", content, TestContext.Current.CancellationToken)).Expect(HttpStatusCode.OK);
            var offset = ServiceClient.PlacesOf(answer)[0].Offset;
            var read = await client.GetAsync($"/v1/topics/bodies/partitions/0/records?offset={offset}&limit=1&value_as=binary");
            Assert.Equal(value, Decode(Assert.Single(read.Expect(HttpStatusCode.OK).Body!["records"]!.AsArray())!["value"]));
        }
    }

    [Theory]
    [InlineData(MessageBytesMax, 0, false)]
    [InlineData(1_000, 1_000, true)]
    public async Task Produce_WhenTheRecordHasOneByteTooMany_SaysToStoreThePayloadElsewhere(int bytesMax, int keyBytes, bool isSet)
    {
        var topic = $"bounded-{bytesMax}";
        using var client = fixture.Service.Connect();
        await client.CreateTopicAsync(topic, 1, isSet ? new JsonObject { ["max.message.bytes"] = bytesMax } : null);
        var key = keyBytes == 0 ? null : RandomBytes(keyBytes);

        var answer = await PostAsync(client, topic, key, RandomBytes(bytesMax - keyBytes + 1), null);

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, "MESSAGE_TOO_LARGE"), (answer.Status, answer.ErrorCode));
        var detail = (string)answer.Body!["detail"]!;
        Assert.Contains("max.message.bytes", detail, StringComparison.Ordinal);
        Assert.Contains($"{bytesMax}", detail, StringComparison.Ordinal);
        Assert.Contains("blob", detail, StringComparison.Ordinal);
        Assert.Contains("address", detail, StringComparison.Ordinal);
        (await PostAsync(client, topic, key, RandomBytes(bytesMax - keyBytes), null)).Expect(HttpStatusCode.OK);
        Assert.Single(await client.ReadAllAsync(topic, 0, "&value_as=binary&key_as=binary"));
    }

    private static Task<Answer> PostAsync(ServiceClient client, string topic, byte[]? key, byte[] value, byte[]? header)
    {
        var record = new JsonObject
        {
            ["key"] = key is null ? null : Convert.ToBase64String(key),
            ["value"] = Convert.ToBase64String(value),
        };
        if (header is not null)
        {
            record["headers"] = new JsonArray(
                new JsonObject { ["key"] = HeaderKey, ["value"] = Convert.ToBase64String(header), ["value_type"] = "binary" });
        }

        return client.PostAsync(
            $"/v1/topics/{topic}/records",
            new JsonObject { ["key_type"] = "binary", ["value_type"] = "binary", ["records"] = new JsonArray(record) });
    }

    private static byte[]? HeaderBytes(JsonNode record)
    {
        var header = Assert.Single(record["headers"]!.AsArray())!;
        return (string?)header["value_type"] == "binary"
            ? Decode(header["value"])
            : System.Text.Encoding.UTF8.GetBytes((string)header["value"]!);
    }

    private static byte[]? Decode(JsonNode? base64) => base64 is null ? null : Convert.FromBase64String((string)base64!);

    private byte[] RandomBytes(int count)
    {
        var bytes = new byte[count];
        _random.NextBytes(bytes);
        return bytes;
    }
}
