using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>A poll is answered in the form that its caller asks for, and in JSON when it asks for none.</summary>
[Collection(ApiTests.Name)]
public sealed class PollAcceptTests(ApiFixture api)
{
    [Theory]
    [InlineData("", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("application/json", "application/json")]
    [InlineData("multipart/mixed", "multipart/mixed")]
    [InlineData("multipart/*", "multipart/mixed")]
    [InlineData("multipart/mixed, application/json; q=0.5", "multipart/mixed")]
    [InlineData("multipart/mixed; q=0.5, application/json", "application/json")]
    public async Task Poll_WithAccept_IsAnsweredInTheFormThatItPrefers(string accept, string expected)
    {
        using var answer = await PollAsync(accept);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(expected, answer.Content.Headers.ContentType?.MediaType);
    }

    [Theory]
    [InlineData("text/html")]
    [InlineData("multipart/form-data")]
    [InlineData(MediaTypes.RecordBatch)]
    public async Task Poll_WhenAcceptNamesNoFormOfIt_IsRefusedWithThoseThatThereAre(string accept)
    {
        using var answer = await PollAsync(accept);
        Assert.Equal(HttpStatusCode.NotAcceptable, answer.StatusCode);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(answer))!;
        Assert.Equal(
            $"'{accept}' is not available here. Available: application/json, multipart/mixed, text/event-stream.", (string?)problem["detail"]);
    }

    [Fact]
    public async Task Heartbeat_InParts_HasOnePartWithTheState()
    {
        using var answer = await PollAsync(PollForms.Multipart, recordsMax: 0);
        var part = Assert.Single(await PollForms.PartsAsync(answer));
        Assert.Equal("application/json", part.Type);
        Assert.NotNull(JsonNode.Parse(part.Bytes)!["cursor"]);
    }

    private async Task<HttpResponseMessage> PollAsync(string accept, int recordsMax = 10)
    {
        var topic = await api.CreateTopicAsync();
        await api.PostAsync($"/v1/topics/{topic}/records", """{"records":[{"value":1}]}""");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/g-{topic}/members/m/poll")
        {
            Content = ApiFixture.Json($$"""{"topics":["{{topic}}"],"max_records":{{recordsMax}}}"""),
        };
        if (accept.Length > 0)
            request.Headers.TryAddWithoutValidation("Accept", accept);
        return await api.SendAsync(request);
    }
}
