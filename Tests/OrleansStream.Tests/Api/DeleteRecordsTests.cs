using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Api;

/// <summary>Records below an offset are deleted over REST, as by Kafka's DeleteRecords.</summary>
[Collection(ApiTests.Name)]
public class DeleteRecordsTests(ApiFixture api)
{
    [Theory]
    [InlineData("2", 2)]
    [InlineData("0", 0)]
    [InlineData("latest", 3)]
    public async Task Delete_BelowAnOffset_MovesTheLowWatermarkAndTellsReadersBothBounds(string before, long start)
    {
        string topic = await api.CreateTopicAsync();
        string records = $"/v1/topics/{topic}/partitions/0/records";
        await api.PostAsync(records, """{"records":[{"value":0},{"value":1},{"value":2}]}""");

        JsonNode answer = await DeleteAsync($"{records}?before_offset={before}");
        Assert.Equal($$"""{"partition":0,"low_watermark":{{start}}}""", answer.ToJsonString());
        Assert.Equal(answer.ToJsonString(), (await DeleteAsync($"{records}?before_offset={before}")).ToJsonString());

        JsonNode left = await api.GetAsync(records);
        Assert.Equal(3 - start, left["records"]!.AsArray().Count);
        Assert.Equal(start, (long)left["log_start_offset"]!);
        if (start == 0)
            return;
        JsonNode gone = await api.GetAsync($"{records}?offset={start - 1}", 416);
        Assert.Equal((start, 3), ((long)gone["log_start_offset"]!, (long)gone["high_watermark"]!));
        Assert.Equal(3, (long)(await api.PostAsync(records, """{"records":[{"value":3}]}"""))["results"]![0]!["offset"]!);
    }

    [Fact]
    public async Task Delete_BeyondTheHighWatermark_IsRefusedWithBothBounds()
    {
        string topic = await api.CreateTopicAsync();
        JsonNode refusal = await DeleteAsync($"/v1/topics/{topic}/partitions/0/records?before_offset=1", 416);
        Assert.Equal("OFFSET_OUT_OF_RANGE", (string?)refusal["error_code"]);
        Assert.Equal((0, 0), ((long)refusal["log_start_offset"]!, (long)refusal["high_watermark"]!));
    }

    private async Task<JsonNode> DeleteAsync(string path, int status = 200)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        using HttpResponseMessage response = await api.SendAsync(request);
        string text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }
}
