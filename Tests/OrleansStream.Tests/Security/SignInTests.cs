using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Reading;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Security;

/// <summary>Signing in by keys, over HTTP.</summary>
public sealed class SignInTests(SecureApi api) : IClassFixture<SecureApi>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // What SECURITY.md promises.
    private static readonly TimeSpan RevokedWithin = TimeSpan.FromSeconds(10);

    [Theory]
    [InlineData(null, "Bearer realm=\"OrleansStream\"")]
    [InlineData("Bearer os_nobody_0", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    [InlineData("Bearer", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    [InlineData("Bearer ", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    [InlineData("Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    [InlineData("Basic YTpi", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    [InlineData("os_bootstrap_0000000000000000000000000000000000000000000000000000000000000000", "Bearer realm=\"OrleansStream\", error=\"invalid_token\"")]
    public async Task Get_WithoutACredentialThatHolds_IsToldHowToSignIn(string? header, string challenge)
    {
        using var client = api.ClientOf(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/topics");
        if (header is not null)
            Assert.True(request.Headers.TryAddWithoutValidation("Authorization", header));

        using var response = await client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal((HttpStatusCode.Unauthorized, challenge), (response.StatusCode, response.Headers.WwwAuthenticate.ToString()));
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal(("SASL_AUTHENTICATION_FAILED", 58, false), ((string)problem["error_code"]!, (int)problem["kafka_code"]!, (bool)problem["retriable"]!));
    }

    [Fact]
    public async Task Health_IsForAnybody()
    {
        using var client = api.ClientOf("os_nobody_0");

        Assert.Equal("live", (string)(await SecureApi.SendAsync(client, HttpMethod.Get, "/health/live"))!["status"]!);
        Assert.Equal("ready", (string)(await SecureApi.SendAsync(client, HttpMethod.Get, "/health/ready"))!["status"]!);
    }

    [Fact]
    public async Task Description_TellsHowToSignIn()
    {
        using var client = api.ClientOf(null);

        var document = (await SecureApi.SendAsync(client, HttpMethod.Get, "/swagger/v1/swagger.json"))!;

        Assert.Equal("bearer", (string)document["components"]!["securitySchemes"]!["key"]!["scheme"]!);
        Assert.Equal("""[{"key":[]}]""", document["security"]!.ToJsonString());
        Assert.Equal("[]", document["paths"]!["/health/live"]!["get"]!["security"]!.ToJsonString());
    }

    [Fact]
    public async Task Key_FromItsCreationToItsRevocation()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        using var first = api.ClientOf(await api.CreateKeyAsync("life-1", """{"name":"life","role":"Data Owner"}"""));
        await SecureApi.SendAsync(first, HttpMethod.Put, "/v1/topics/life", "{}", 201);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/keys/life-1", "{}", 409);

        using var second = api.ClientOf(await api.CreateKeyAsync("life-2", """{"name":"life","role":"Data Owner"}"""));
        await SecureApi.SendAsync(second, HttpMethod.Get, "/v1/topics/life");
        var third = await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/access/keys/life-3", """{"name":"life"}""", 403);
        Assert.Equal(("POLICY_VIOLATION", "name"), ((string)third!["error_code"]!, (string)third["field"]!));
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/life-1", status: 204);
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/life-1", status: 404);

        // Also on the connection that it has been used on.
        await SecureApi.SendAsync(first, HttpMethod.Get, "/v1/topics/life", status: 401);
        await SecureApi.SendAsync(second, HttpMethod.Get, "/v1/topics/life");
        // Another key that has its id is another key.
        using var again = api.ClientOf(await api.CreateKeyAsync("life-1", """{"name":"life","role":"Data Owner"}"""));
        await SecureApi.SendAsync(again, HttpMethod.Get, "/v1/topics/life");
        await SecureApi.SendAsync(first, HttpMethod.Get, "/v1/topics/life", status: 401);
    }

    [Fact]
    public async Task Keys_WhenListed_TellWhatIsNoSecretAndWhenTheyWereUsed()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        var key = await api.CreateKeyAsync("listed", """{"role":"Data Sender","expires_at":"2036-06-01T00:00:00.000Z"}""");
        using var client = api.ClientOf(key);
        await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics");

        JsonNode? entry = null;
        await Wait.UntilAsync(
            "its use is noted",
            async () =>
            {
                var keys = (await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/access/keys"))!["keys"]!.AsArray();
                entry = keys.Single(one => (string?)one!["id"] == "listed");
                return entry!["last_used_at"] is not null;
            },
            Patience);

        Assert.Equal(("listed", "Data Sender", "2036-06-01T00:00:00.000Z"), ((string)entry!["name"]!, (string)entry["role"]!, (string)entry["expires_at"]!));
        Assert.EndsWith(":00:00.000Z", (string)entry["last_used_at"]!, StringComparison.Ordinal);
        Assert.Null(entry["key"]);
        Assert.DoesNotContain(key[^64..], entry.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_TellOfNothingThatMayNotBeDescribed()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        for (var i = 0; i < 5; i++)
            await SecureApi.SendAsync(admin, HttpMethod.Put, $"/v1/topics/list-{i}", "{}", 201);
        using var client = api.ClientOf(await api.CreateKeyAsync("lister"));
        await api.GiveAsync("key:lister", "topic", "list-1", "read");
        await api.GiveAsync("key:lister", "topic", "list-4", "write");

        var seen = new List<string>();
        for (var after = ""; after is not null;)
        {
            var page = (await SecureApi.SendAsync(client, HttpMethod.Get, $"/v1/topics?limit=1&after={after}"))!;
            seen.AddRange(page["topics"]!.AsArray().Select(topic => (string)topic!["name"]!));
            after = (string?)page["next_after"];
        }

        Assert.Equal(["list-1", "list-4"], seen);
        // Whether there is such a topic is not told either.
        var there = await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics/list-2", status: 403);
        var none = await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics/list-none", status: 403);
        Assert.Equal((string)there!["detail"]!, ((string)none!["detail"]!).Replace("list-none", "list-2", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Revocation_EndsWhatIsUnderWay()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/live", "{}", 201);
        using var client = api.ClientOf(await api.CreateKeyAsync("live", """{"role":"Data Owner"}"""));
        using var tail = await OpenAsync(client, HttpMethod.Get, "/v1/topics/live/records?from=earliest", body: null);
        using var stream = await OpenAsync(client, HttpMethod.Post, "/v1/groups/live/members/anna/poll", """{"topics":["live"]}""");
        var lines = new ProducedLines();
        using var produce = new HttpRequestMessage(HttpMethod.Post, "/v1/topics/live/records") { Content = lines };
        produce.Content.Headers.ContentType = new("application/x-ndjson");
        var produced = client.SendAsync(produce, TestContext.Current.CancellationToken);
        await lines.WriteAsync("""{"value":"before"}""");
        await Wait.UntilAsync("the first line is stored", async () => (long)(await EndAsync())!["high_watermark"]! == 1, Patience);
        var waits = api.Services.GetRequiredService<NodeWaits>();
        await Wait.UntilAsync("the streams wait", () => Task.FromResult(waits.Count >= 2), Patience);
        var fetch = SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics/live/partitions/0/records?offset=1&wait_ms=20000", status: 401);
        var poll = SecureApi.SendAsync(client, HttpMethod.Post, "/v1/groups/other/members/anna/poll", """{"topics":["live"],"wait_ms":20000,"auto_offset_reset":"latest"}""", 401);
        await Wait.UntilAsync("all of them wait", () => Task.FromResult(waits.Count >= 4), Patience);

        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/live", status: 204);
        await SecureApi.SendAsync(admin, HttpMethod.Post, "/v1/topics/live/records", """{"records":[{"value":"after"}]}""");
        await lines.WriteAsync("""{"value":"never"}""");
        lines.Complete();

        Assert.DoesNotContain("after", await ReadToEndAsync(tail), StringComparison.Ordinal);
        Assert.DoesNotContain("after", await ReadToEndAsync(stream), StringComparison.Ordinal);
        // Their wait was ended by a record that they may not read any more.
        await fetch;
        await poll;
        using var answer = await produced;
        Assert.Contains("SASL_AUTHENTICATION_FAILED", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(2, (long)(await EndAsync())!["high_watermark"]!);

        async Task<JsonNode?> EndAsync() => (await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/topics/live/partitions"))!["partitions"]![0];
    }

    /// <summary>Nothing is written that would end the waits: they end because the key is revoked.</summary>
    [Fact]
    public async Task Revocation_EndsWhatWaitsAlthoughNothingComes()
    {
        using var admin = api.ClientOf(api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/quiet", "{}", 201);
        using var client = api.ClientOf(await api.CreateKeyAsync("quiet", """{"role":"Data Owner"}"""));
        using var tail = await OpenAsync(client, HttpMethod.Get, "/v1/topics/quiet/records", body: null);
        using var stream = await OpenAsync(client, HttpMethod.Post, "/v1/groups/quiet/members/anna/poll", """{"topics":["quiet"]}""");
        var waits = api.Services.GetRequiredService<NodeWaits>();
        var others = waits.Count;
        var fetch = SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics/quiet/partitions/0/records?offset=0&wait_ms=20000", status: 401);
        var poll = SecureApi.SendAsync(client, HttpMethod.Post, "/v1/groups/quieter/members/anna/poll", """{"topics":["quiet"],"wait_ms":20000}""", 401);
        await Wait.UntilAsync("all of them wait", () => Task.FromResult(waits.Count >= others + 2), Patience);

        var revokedAt = Stopwatch.GetTimestamp();
        await SecureApi.SendAsync(admin, HttpMethod.Delete, "/v1/access/keys/quiet", status: 204);

        Assert.Contains("SASL_AUTHENTICATION_FAILED", await ReadToEndAsync(tail), StringComparison.Ordinal);
        Assert.Contains("SASL_AUTHENTICATION_FAILED", await ReadToEndAsync(stream), StringComparison.Ordinal);
        await fetch;
        await poll;
        Assert.InRange(Stopwatch.GetElapsedTime(revokedAt), TimeSpan.Zero, RevokedWithin);
    }

    private static async Task<HttpResponseMessage> OpenAsync(HttpClient client, HttpMethod method, string path, string? body)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (body is not null)
            request.Content = ApiFixture.Json(body);
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response;
    }

    private static Task<string> ReadToEndAsync(HttpResponseMessage response) =>
        response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken).WaitAsync(
            Patience, TimeProvider.System, TestContext.Current.CancellationToken);

    /// <summary>A body that is sent line by line.</summary>
    private sealed class ProducedLines : HttpContent
    {
        private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task WriteAsync(string line)
        {
            var stream = await _stream.Task;
            await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
            await stream.FlushAsync();
        }

        public void Complete() => _end.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            _stream.TrySetResult(stream);
            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
