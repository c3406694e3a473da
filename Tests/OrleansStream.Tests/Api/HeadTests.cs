using System.Net;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

[Collection(ApiTests.Name)]
public class HeadTests(ApiFixture api)
{
    // Which server of several answered, when, and how a body would have been framed are no part of the answer's meaning.
    private static readonly string[] Incidental = ["Date", "Transfer-Encoding", "Connection", "Keep-Alive"];

    [Theory]
    [InlineData("/health/live"), InlineData("/health/ready"), InlineData("/"), InlineData("/swagger/index.html"), InlineData("/swagger/v1/swagger.json")]
    [InlineData("/v1/topics"), InlineData("/v1/topics/{t}"), InlineData("/v1/topics/{t}/partitions"), InlineData("/v1/topics/{t}/load"), InlineData("/v1/topics/{t}/partitions/0/records")]
    [InlineData("/v1/groups"), InlineData("/v1/groups/{t}"), InlineData("/v1/groups/{t}/offsets"), InlineData("/v1/groups/{t}/lag"), InlineData("/v1/groups/{t}/dead-letters/redrive")]
    [InlineData("/v1/topics/absent"), InlineData("/v1/topics/a%20b"), InlineData("/v1/topics?limit=x"), InlineData("/v1/nothing"), InlineData("/v1/topics/{t}/partitions/0/records?offset=9")]
    [InlineData("/v1/producers"), InlineData("/v1/groups/{t}/members/m/poll")]
    public async Task Head_WhereverGetIsAnswered_HasItsStatusAndHeaders(string path)
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1}]}""");
        await api.PostAsync($"/v1/groups/{topic}/members/m/poll", $$"""{"topics":["{{topic}}"]}""");
        path = path.Replace("{t}", topic, StringComparison.Ordinal);
        using var get = await SendAsync(HttpMethod.Get, path);
        using var head = await SendAsync(HttpMethod.Head, path);
        Assert.Equal(get.StatusCode, head.StatusCode);
        Assert.Equal(HeadersOf(get), HeadersOf(head));
        Assert.Empty(await ApiFixture.TextAsync(head));
    }

    [Theory]
    [InlineData("/v1/topics/{t}/partitions/0/records?wait_ms=20000", "application/json"), InlineData("/v1/topics/{t}/records", "text/event-stream")]
    public async Task Head_OfWhatWaits_DoesNotWait(string path, string type)
    {
        var topic = await api.CreateTopicAsync();
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(15));
        using var request = new HttpRequestMessage(HttpMethod.Head, path.Replace("{t}", topic, StringComparison.Ordinal));
        using var response = await api.Client.SendAsync(request, timeout.Token);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(type, response.Content.Headers.ContentType!.MediaType);
        // The connection is whole: the next request goes over it.
        Assert.Equal(HttpStatusCode.OK, (await SendAsync(HttpMethod.Get, "/health/live")).StatusCode);
    }

    [Fact]
    public async Task Head_OfATopic_TellsTheLengthThatGetHas()
    {
        var topic = await api.CreateTopicAsync();
        using var get = await SendAsync(HttpMethod.Get, $"/v1/topics/{topic}");
        using var head = await SendAsync(HttpMethod.Head, $"/v1/topics/{topic}");
        Assert.Equal((await ApiFixture.TextAsync(get)).Length, head.Content.Headers.ContentLength);
    }

    [Fact]
    public async Task Post_WhereOnlyGetIs_IsToldOfHead()
    {
        using var response = await SendAsync(HttpMethod.Post, "/health/live");
        Assert.Equal(HttpStatusCode.MethodNotAllowed, response.StatusCode);
        Assert.Equal(["GET", "HEAD"], response.Content.Headers.Allow.Order());
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, path);
        return await api.SendAsync(request);
    }

    // The server leaves a length of 0 out of the answer to a HEAD. What changes from one moment to the next, such as a lag in seconds, changes its
    // length too.
    private static string[] HeadersOf(HttpResponseMessage response) =>
    [
        .. response.Headers.Concat(response.Content.Headers).Where(header => !Incidental.Contains(header.Key) && header.Value.First() != "0")
            .Select(header => header.Key == "Content-Length" ? header.Key : $"{header.Key}: {string.Join(',', header.Value)}").Order(),
    ];
}
