using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Rest.Produce;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>What an ndjson body may hold beside records is bounded, since it costs next to nothing to send.</summary>
[Collection(ApiTests.Name)]
public sealed class LineBoundTests(ApiFixture api)
{
    [Theory]
    [InlineData("\n"), InlineData("\r\n"), InlineData(" \t\n"), InlineData(" ")]
    public async Task Post_WhenBlanksAreBeyondTheBound_IsStopped(string blank)
    {
        var topic = await api.CreateTopicAsync();
        var count = ProduceLimits.NdjsonBlankBytesMax / blank.Length;
        (var status, var results) = await PostAsync(topic, Repeat(blank, count - 10) + "{\"value\":1}\n" + "{\"value\":2}");
        Assert.Equal((200, 2), (status, results.Length));
        (status, results) = await PostAsync(topic, "{\"value\":1}\n" + Repeat(blank, count + 20) + "\n{\"value\":2}");
        Assert.Equal((207, 2), (status, results.Length));
        Assert.NotNull(results[1]["error"]);
    }

    [Fact]
    public async Task Post_WhenBlankLinesAreAmongTheOthers_CountsThemAsLines()
    {
        var topic = await api.CreateTopicAsync();
        (var status, var results) = await PostAsync(topic, "\n \n{\"value\":1}\r\n\t\r\n\n  {\"valu\":2}\n\n{\"value\":3}\n");
        Assert.Equal((207, 3), (status, results.Length));
        Assert.Equal("lines[5].valu", (string?)results[1]["error"]!["field"]);
    }

    [Fact]
    public async Task Post_WhenMoreLinesAreMalformedThanTheBound_IsStoppedBehindIt()
    {
        var topic = await api.CreateTopicAsync();
        string good = Repeat("{\"value\":1}\n", 50), bad = Repeat("x\n", ProduceLimits.NdjsonMalformedLinesMax + 50);
        (var status, var results) = await PostAsync(topic, good + bad + "{\"value\":2}");
        // So many errors are sent while the lines come, and the status was sent before the first of them.
        Assert.Equal((200, good.Length / 12 + bad.Length / 2 + 1), (status, results.Length));
        Assert.NotNull(results[^1]["offset"]);
        (_, results) = await PostAsync(topic, good + bad + "x\n{\"value\":2}");
        Assert.Equal(good.Length / 12 + bad.Length / 2 + 2, results.Length);
        Assert.Null(results[^1]["error"]!["field"]);
    }

    private static string Repeat(string text, int count) => new StringBuilder().Insert(0, text, count).ToString();

    private async Task<(int Status, JsonNode[] Results)> PostAsync(string topic, string lines)
    {
        using var response = await api.PostAsync(
            $"/v1/topics/{topic}/records",
            ApiFixture.Body(Coded.Encode("gzip", Encoding.UTF8.GetBytes(lines)), BodyKinds.Ndjson, "gzip"));
        var text = await ApiFixture.TextAsync(response);
        return ((int)response.StatusCode, [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)]);
    }
}
