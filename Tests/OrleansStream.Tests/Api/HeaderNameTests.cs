using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Names of record headers: Kafka's producers may store any bytes there.</summary>
[Collection(ApiTests.Name)]
public class HeaderNameTests(ApiFixture api)
{
    [Fact]
    public async Task Read_OfNamesThatAreNoText_TellsThemFromNamesThatLookLikeThem()
    {
        var topic = await api.CreateTopicAsync();
        using var stored = await api.PostAsync(
            $"/v1/topics/{topic}/partitions/0/records", ApiFixture.Body(Batch([0xFF, 0xFE], [.. "//4="u8], []), BodyKinds.Batch));
        Assert.Equal(200, (int)stored.StatusCode);
        var fetched = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records"))["records"]!.AsArray();
        using var tail = await api.Client.GetAsync($"/v1/topics/{topic}/records?from=earliest&limit=3", TestContext.Current.CancellationToken);
        JsonArray tailed = [.. (await ApiFixture.TextAsync(tail)).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line[6..]))];
        var polled = (await api.PostAsync($"/v1/groups/{topic}/members/m/poll", $$"""{"topics":["{{topic}}"]}"""))["records"]!.AsArray();
        foreach (var records in new[] { fetched, tailed, polled })
        {
            Assert.Equal(
                ["""[{"key":"//4=","key_type":"binary","value":"x"}]""", """[{"key":"//4=","value":"x"}]""", """[{"key":"","value":"x"}]"""],
                records.Select(record => record!["headers"]!.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })));
        }

        // What was read can be stored again, and is the same.
        var copy = string.Join(',', fetched.Select(record => $$"""{"value":1,"headers":{{record!["headers"]!.ToJsonString()}}}"""));
        await api.PostAsync($"/v1/topics/{topic}/partitions/0/records", $$"""{"records":[{{copy}}]}""");
        var again = (await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=3"))["records"]!.AsArray();
        Assert.Equal(fetched.Select(record => record!["headers"]!.ToJsonString()), again.Select(record => record!["headers"]!.ToJsonString()));
    }

    private static byte[] Batch(params byte[][] names)
    {
        using var writer = new RecordBatchWriter();
        foreach (var name in names)
        {
            using var headers = new RecordHeadersWriter();
            headers.Append(name, "x"u8);
            writer.Append(1_767_225_600_000, default, hasKey: false, "1"u8, hasValue: true, headers.EncodedHeaders);
        }

        writer.Finish();
        return writer.ToArray();
    }
}
