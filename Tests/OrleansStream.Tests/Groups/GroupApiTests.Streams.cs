using System.Text.Json.Nodes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>Polls that are answered as a stream.</summary>
public abstract partial class GroupApiTests
{
    [Fact]
    public async Task Stream_WhenRecordsCome_SendsAnswersAndEndsWhenPartitionsMove()
    {
        var topic = await api.CreateTopicAsync(2);
        await ProduceAsync(topic, 0, "a");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/{_group}/members/m/poll") { Content = ApiFixture.Json($$"""{"topics":["{{topic}}"]}""") };
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["a"], Values(await NextEventAsync(lines)));
        await ProduceAsync(topic, 1, "b");
        var last = await NextEventAsync(lines);
        Assert.Equal(["b"], Values(last));
        Assert.Null(await CommittedAsync());

        await PollAsync("other", topic);
        var rest = await lines.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Contains("event: rebalance", rest, StringComparison.Ordinal);
        await PollAsync("m", topic, Cursor(last));
        var offsets = (await api.GetAsync($"/v1/groups/{_group}/offsets"))["offsets"]!.AsArray();
        Assert.Equal([1L, 1L], offsets.Select(offset => (long)offset!["offset"]!));
    }

    [Fact]
    public async Task Stream_EndsEachAnswerWithItsId()
    {
        var topic = await api.CreateTopicAsync();
        await ProduceAsync(topic, 0, "a");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/{_group}/members/m/poll") { Content = ApiFixture.Json($$"""{"topics":["{{topic}}"]}""") };
        request.Headers.Accept.ParseAdd("text/event-stream");
        using var response = await api.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var answer = await NextEventAsync(lines);
        Assert.Equal("id: " + Cursor(answer), await lines.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.Equal("", await lines.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    private static async Task<JsonNode> NextEventAsync(StreamReader lines)
    {
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (line.StartsWith("data: ", StringComparison.Ordinal))
                return JsonNode.Parse(line[6..])!;
        }

        throw new EndOfStreamException();
    }
}
