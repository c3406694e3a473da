using System.Text;
using System.Text.RegularExpressions;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>One file per endpoint shows its request and its whole answer; a change of either shows in a review.</summary>
[Collection(ApiTests.Name)]
public partial class GoldenTests(ApiFixture api)
{
    private const string Topic = "golden";

    [Fact]
    public async Task Endpoints_WhenCalled_AnswerAsTheFilesSay()
    {
        await CheckAsync("put-topic", HttpMethod.Put, $"/v1/topics/{Topic}", """{"partitions":2,"config":{"retention.ms":"86400000"}}""");
        await CheckAsync("put-topic-again", HttpMethod.Put, $"/v1/topics/{Topic}", """{"partitions":2,"config":{"retention.ms":86400000}}""");
        await CheckAsync("put-topic-differing", HttpMethod.Put, $"/v1/topics/{Topic}", """{"partitions":3}""");
        await CheckAsync("get-topic", HttpMethod.Get, $"/v1/topics/{Topic}");
        await CheckAsync("patch-topic", HttpMethod.Patch, $"/v1/topics/{Topic}", """{"config":{"retention.ms":null,"compression.type":"zstd"}}""");
        await CheckAsync("list-topics", HttpMethod.Get, $"/v1/topics?prefix={Topic}&limit=1");
        // The records are of long ago.
        using (var kept = await api.Client.PatchAsync(
            $"/v1/topics/{Topic}", ApiFixture.Json("""{"config":{"retention.ms":-1}}"""), TestContext.Current.CancellationToken))
        {
            Assert.True(kept.IsSuccessStatusCode);
        }

        await CheckAsync("produce", HttpMethod.Post, $"/v1/topics/{Topic}/records", """
            {"records":[{"partition":1,"key":"argentina-brazil","value":{"event":"goal","minute":80},"headers":[{"key":"source","value":"stadium"}],"timestamp":"2026-06-11T19:20:00Z"}]}
            """);
        await CheckAsync("produce-to-partition", HttpMethod.Post, $"/v1/topics/{Topic}/partitions/1/records",
            """{"records":[{"value":"/w==","timestamp":1781205600000}],"value_type":"binary"}""");
        await CheckAsync("fetch", HttpMethod.Get, $"/v1/topics/{Topic}/partitions/1/records?from=earliest");
        await CheckAsync("fetch-out-of-range", HttpMethod.Get, $"/v1/topics/{Topic}/partitions/1/records?offset=99");
        await CheckAsync("tail", HttpMethod.Get, $"/v1/topics/{Topic}/records?from=earliest&limit=2");
        await CheckAsync("list-partitions", HttpMethod.Get, $"/v1/topics/{Topic}/partitions");
        await CheckAsync("delete-topic", HttpMethod.Delete, $"/v1/topics/{Topic}");
        await CheckAsync("get-topic-deleted", HttpMethod.Get, $"/v1/topics/{Topic}");
        await CheckAsync("health-live", HttpMethod.Get, "/health/live");
        await CheckAsync("health-ready", HttpMethod.Get, "/health/ready");
    }

    private async Task CheckAsync(string name, HttpMethod method, string path, string? body = null)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : ApiFixture.Json(body.Trim()) };
        using var response = await api.SendAsync(request);
        var text = new StringBuilder($"{method} {path}\n");
        if (body is not null)
            text.Append($"content-type: application/json\n\n{body.Trim()}\n");
        text.Append($"\n{(int)response.StatusCode} {response.Content.Headers.ContentType}\n\n{await ApiFixture.TextAsync(response)}");
        var actual = Varying().Replace(text.ToString().TrimEnd() + "\n", m => $"{m.Groups[1].Value}<{m.Groups[2].Value}>");
        actual = TopicInTailToken().Replace(actual, "@<topic>");
        var file = Path.Combine(AppContext.BaseDirectory, "Api", "Golden", name + ".txt");
        if (Environment.GetEnvironmentVariable("GOLDEN_UPDATE") is { Length: > 0 } folder)
            await File.WriteAllTextAsync(Path.Combine(folder, name + ".txt"), actual, TestContext.Current.CancellationToken);
        else
            Assert.Equal(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken), actual);
    }

    // What differs from run to run is replaced by its field's name.
    [GeneratedRegex("(\"(id|created_at|trace_id|leader)\":)\"[^\"]*\"")]
    private static partial Regex Varying();

    [GeneratedRegex("@[0-9a-f]{32}")]
    private static partial Regex TopicInTailToken();
}
