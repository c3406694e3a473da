using System.Text.Json.Nodes;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>A reader that names its topic's id does not go on in another topic of the name.</summary>
[Collection(ApiTests.Name)]
public sealed class TopicIdTests(ApiFixture api)
{
    [Theory]
    [InlineData("application/json")]
    [InlineData(BodyKinds.Batch)]
    public async Task Fetch_WithTheIdOfADeletedTopic_IsRefused(string accept)
    {
        var topic = await api.CreateTopicAsync();
        var records = $"/v1/topics/{topic}/partitions/0/records";
        await api.PostAsync(records, """{"records":[{"value":1},{"value":2}]}""");
        var id = Assert.Single((await GetAsync($"{records}?from=earliest", accept)).Headers.GetValues("Topic-Id"));
        Assert.Equal(200, (int)(await GetAsync($"{records}?offset=2&topic_id={id}", accept)).StatusCode);

        using (await api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/v1/topics/{topic}")))
            await api.Client.PutAsync($"/v1/topics/{topic}", ApiFixture.Json("{}"), TestContext.Current.CancellationToken);
        await api.PostAsync(records, """{"records":[{"value":3},{"value":4},{"value":5}]}""");

        foreach (var more in new[] { "", "&wait_ms=20000" })
        {
            var refused = JsonNode.Parse(await ApiFixture.TextAsync(await GetAsync($"{records}?offset=2&topic_id={id}{more}", accept)))!;
            Assert.Equal((404, "UNKNOWN_TOPIC_ID"), ((int)refused["status"]!, (string)refused["error_code"]!));
        }

        using var kept = await api.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"{records}?before_offset=latest&topic_id={id}"));
        Assert.Equal(404, (int)kept.StatusCode);
        var all = await GetAsync($"{records}?from=earliest", accept);
        Assert.Equal(200, (int)all.StatusCode);
        var anew = Assert.Single(all.Headers.GetValues("Topic-Id"));
        Assert.NotEqual(id, anew);
        Assert.Equal(3, (await api.GetAsync($"{records}?topic_id={anew}"))["records"]!.AsArray().Count);
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string accept)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Accept", accept);
        return await api.SendAsync(request);
    }
}
