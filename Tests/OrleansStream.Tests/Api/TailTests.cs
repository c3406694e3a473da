namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class TailTests(ApiFixture api)
{
    [Fact]
    public async Task Get_WhenResumed_GoesOnBehindTheLastEventSeen()
    {
        string topic = await api.CreateTopicAsync(3);
        await api.PostAsync($"/v1/topics/{topic}/records",
            "{\"records\":[{\"partition\":0,\"value\":1},{\"partition\":1,\"value\":2},{\"partition\":2,\"value\":3},"
            + "{\"partition\":0,\"value\":{ \"a\":\n4 }}]}");
        List<(string Id, string Data)> first = await TailAsync($"/v1/topics/{topic}/records?from=earliest&limit=2", null);
        List<(string Id, string Data)> rest = await TailAsync($"/v1/topics/{topic}/records?limit=2", first[^1].Id);
        string[] values = [.. first.Concat(rest).Select(e => ((string?)System.Text.Json.Nodes.JsonNode.Parse(e.Data)!["value"]?.ToJsonString())!)];
        Assert.Equal(["1", "2", "3", "{\"a\":4}"], values.Order());
    }

    [Fact]
    public async Task Get_WhenLive_SendsWhatIsAppended()
    {
        string topic = await api.CreateTopicAsync(2);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/records?limit=1");
        using HttpResponseMessage response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        // The start is fixed before the first byte of the answer.
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":"live"}]}""");
        Assert.Contains("\"live\"", Assert.Single(await ReadAsync(response)).Data, StringComparison.Ordinal);
    }

    private async Task<List<(string Id, string Data)>> TailAsync(string path, string? lastId)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastId is not null)
            request.Headers.Add("Last-Event-ID", lastId);
        using HttpResponseMessage response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        return await ReadAsync(response);
    }

    private static async Task<List<(string Id, string Data)>> ReadAsync(HttpResponseMessage response)
    {
        var events = new List<(string, string)>();
        string id = "";
        foreach (string line in (await ApiFixture.TextAsync(response)).Split('\n'))
        {
            if (line.StartsWith("id: ", StringComparison.Ordinal))
                id = line[4..];
            else if (line.StartsWith("data: ", StringComparison.Ordinal))
                events.Add((id, line[6..]));
        }

        return events;
    }
}
