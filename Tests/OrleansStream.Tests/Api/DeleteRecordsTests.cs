using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

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
        var topic = await api.CreateTopicAsync();
        var records = $"/v1/topics/{topic}/partitions/0/records";
        await api.PostAsync(records, """{"records":[{"value":0},{"value":1},{"value":2}]}""");

        var answer = await DeleteAsync($"{records}?before_offset={before}");
        Assert.Equal($$"""{"partition":0,"low_watermark":{{start}}}""", answer.ToJsonString());
        Assert.Equal(answer.ToJsonString(), (await DeleteAsync($"{records}?before_offset={before}")).ToJsonString());

        var left = await api.GetAsync(records);
        Assert.Equal(3 - start, left["records"]!.AsArray().Count);
        Assert.Equal(start, (long)left["log_start_offset"]!);
        if (start == 0)
            return;
        var gone = await api.GetAsync($"{records}?offset={start - 1}", 416);
        Assert.Equal((start, 3), ((long)gone["log_start_offset"]!, (long)gone["high_watermark"]!));
        Assert.Equal(3, (long)(await api.PostAsync(records, """{"records":[{"value":3}]}"""))["results"]![0]!["offset"]!);
    }

    [Fact]
    public async Task Delete_BeyondTheHighWatermark_IsRefusedWithBothBounds()
    {
        var topic = await api.CreateTopicAsync();
        var refusal = await DeleteAsync($"/v1/topics/{topic}/partitions/0/records?before_offset=1", 416);
        Assert.Equal("OFFSET_OUT_OF_RANGE", (string?)refusal["error_code"]);
        Assert.Equal((0, 0), ((long)refusal["log_start_offset"]!, (long)refusal["high_watermark"]!));
    }

    private async Task<JsonNode> DeleteAsync(string path, int status = 200)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, path);
        using var response = await api.SendAsync(request);
        var text = await ApiFixture.TextAsync(response);
        Assert.True(status == (int)response.StatusCode, $"{(int)response.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }
}
