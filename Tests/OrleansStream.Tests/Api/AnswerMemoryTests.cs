using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>The memory that answers take while slow readers have not taken them: bounded, told, and given back.</summary>
public sealed class AnswerMemoryTests : IAsyncLifetime
{
    private const int ValueBytes = 4 * 1024 * 1024;

    // The value unfolds into 8 MiB of pooled memory: a quarter of what is free once, and not twice.
    private const int NodeBytes = 36 * 1024 * 1024;

    private readonly Service _service = new();
    private HttpClient _client = null!;

    public async ValueTask InitializeAsync()
    {
        _service.UseKestrel();
        _service.StartServer();
        _client = new HttpClient { BaseAddress = _service.ClientOptions.BaseAddress };
        foreach (var topic in new[] { "large", "small" })
        {
            using var made = await _client.PutAsync($"/v1/topics/{topic}", null);
            Assert.Equal(HttpStatusCode.Created, made.StatusCode);
            using var writer = new RecordBatchWriter();
            writer.Reset(new RecordBatchOptions { Compression = CompressionType.Gzip });
            // Each byte is six in JSON.
            writer.Append(1_781_205_600_000, default, hasKey: false, Enumerable.Repeat((byte)1, topic == "large" ? ValueBytes : 10).ToArray(), hasValue: true);
            writer.Finish();
            using var stored = await _client.PostAsync(Records(topic), ApiFixture.Body(writer.ToArray(), BodyKinds.Batch));
            Assert.Equal(HttpStatusCode.OK, stored.StatusCode);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _service.DisposeAsync();
    }

    [Fact]
    public async Task Read_WhenAReaderThatStandsStillHoldsMuch_IsRefusedWithATimeAndSmallOnesAreNot()
    {
        using var still = await HoldAsync();

        using var refused = await GetAsync(Records("large"));
        await AssertRefusedAsync(refused);
        using var poll = await PollAsync("large");
        await AssertRefusedAsync(poll);
        using var parts = await PollAsync("large", PollForms.Multipart);
        await AssertRefusedAsync(parts);
        using var small = await GetAsync(Records("small"));
        Assert.Equal(HttpStatusCode.OK, small.StatusCode);
        using var batches = await GetAsync(Records("large"), BodyKinds.Batch);
        Assert.Equal(HttpStatusCode.OK, batches.StatusCode);

        still.Close();
        await AssertAllIsBackAsync();
        using var read = await GetAsync(Records("large"));
        AssertValue(JsonNode.Parse(await ApiFixture.TextAsync(read))!["records"]![0]!);
        using var again = await PollAsync("large");
        AssertValue(JsonNode.Parse(await ApiFixture.TextAsync(again))!["records"]![0]!);
        await AssertAllIsBackAsync();
    }

    [Theory]
    [InlineData("GET", "/v1/topics/large/records?from=earliest&limit=1")]
    [InlineData("POST", "/v1/groups/streaming/members/m/poll")]
    public async Task Stream_WhenThereIsNoMemory_WaitsForItAndGoesOn(string method, string path)
    {
        using var still = await HoldAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = method == "POST" ? ApiFixture.Json("""{"topics":["large"]}""") : null };
        request.Headers.Add("Accept", "text/event-stream");
        using var response = await _client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(_service.Node.Bytes > ValueBytes);
        still.Close();

        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            if (!line.StartsWith("data: ", StringComparison.Ordinal) || line.Length < ValueBytes)
                continue;
            var data = JsonNode.Parse(line["data: ".Length..])!;
            AssertValue(data["records"]?[0] ?? data);
            break;
        }

        response.Dispose();
        await AssertAllIsBackAsync();
    }

    [Fact]
    public async Task Poll_WhoseStreamGoesOn_HoldsNothingBetweenItsAnswers()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/groups/quiet/members/m/poll") { Content = ApiFixture.Json("""{"topics":["small"]}""") };
        request.Headers.Add("Accept", "text/event-stream");
        using var response = await _client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        for (var line = ""; line?.Contains("\"value\"", StringComparison.Ordinal) != true;)
            line = await lines.ReadLineAsync(TestContext.Current.CancellationToken);
        await AssertAllIsBackAsync();
    }

    [Fact]
    public void Unfolding_OfOneBatchBehindTheOther_HoldsOne()
    {
        using var load = new AnswerLoad(_service.Node);
        var budget = new UnfoldingBudget(load);
        var compressed = TestBatch.Make(
            new RecordBatchOptions { Compression = CompressionType.Gzip }, [(TestBatch.TimestampMs, new string('x', 100_000))]);
        for (var i = 0; i < 10; i++)
        {
            var batch = budget.Open(compressed)!;
            Assert.InRange(_service.Node.Bytes, 100_000, 1_000_000);
            budget.Close(batch);
            Assert.Equal(0, _service.Node.Bytes);
        }
    }

    [Fact]
    public async Task Read_ByAnyWay_TakesMemoryAndGivesItBack()
    {
        using var join = await PollAsync("small");
        Assert.Equal(HttpStatusCode.OK, join.StatusCode);
        var taken = TakeAll();
        Assert.InRange(taken, NodeBytes - 4, NodeBytes);

        foreach (var type in new[] { "application/json", BodyKinds.Batch })
        {
            using var refused = await GetAsync(Records("small"), type);
            await AssertRefusedAsync(refused);
        }

        using var poll = await PollAsync("small");
        await AssertRefusedAsync(poll);
        // A measure that cannot be had is left out, and the lag itself is told.
        using var lag = await GetAsync("/v1/groups/g-small/lag");
        var measured = JsonNode.Parse(await ApiFixture.TextAsync(lag))!["partitions"]![0]!;
        Assert.Equal((1, null), ((long)measured["lag"]!, (double?)measured["lag_seconds"]));

        _service.Node.Return(taken);
        foreach ((var path, var type) in new[]
        {
            (Records("small"), "application/json"), (Records("small"), BodyKinds.Batch), ("/v1/topics/small/records?from=earliest&limit=1", "text/event-stream"),
            ("/v1/groups/g-small/lag", "application/json"), (Records("large"), "application/json"),
        })
        {
            using var response = await GetAsync(path, type);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.NotEmpty(await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken));
        }

        using var polled = await PollAsync("small");
        Assert.Single(JsonNode.Parse(await ApiFixture.TextAsync(polled))!["records"]!.AsArray());
        await AssertAllIsBackAsync();
    }

    private static string Records(string topic) => $"/v1/topics/{topic}/partitions/0/records";

    /// <summary>A reader that asks for much and reads none of it.</summary>
    private async Task<Socket> HoldAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        var service = _client.BaseAddress!;
        await socket.ConnectAsync(service.Host, service.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"GET {Records("large")} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        await Wait.UntilAsync("the answer waits for its reader", () => _service.Node.Bytes > ValueBytes);
        return socket;
    }

    private async Task<HttpResponseMessage> GetAsync(string path, string type = "application/json")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("Accept", type);
        return await _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<HttpResponseMessage> PollAsync(string topic, string accept = "application/json")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/g-{topic}/members/m/poll") { Content = ApiFixture.Json($$"""{"topics":["{{topic}}"]}""") };
        request.Headers.Add("Accept", accept);
        return await _client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private long TakeAll()
    {
        long taken = 0;
        // A part of what is free at a time, as each answer does; the last bytes are too few for a part.
        for (long bytes = NodeBytes; bytes > 0; bytes /= 2)
        {
            while (_service.Node.TryTake(bytes))
                taken += bytes;
        }

        return taken;
    }

    private async Task AssertAllIsBackAsync() =>
        await Wait.UntilAsync("all memory is given back", () => _service.Node.Bytes == 0);

    private static void AssertValue(JsonNode record) => Assert.Equal(new string('\u0001', ValueBytes), (string?)record["value"]);

    private static async Task AssertRefusedAsync(HttpResponseMessage response)
    {
        Assert.Equal(HttpStatusCode.TooManyRequests, response.StatusCode);
        Assert.NotNull(response.Headers.RetryAfter?.Delta);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal("THROTTLING_QUOTA_EXCEEDED", (string?)problem["error_code"]);
    }

    private sealed class Service : WebApplicationFactory<OrleansStream.Api.Hosting.ConnectionMemory>
    {
        public NodeAnswers Node { get; } = new(TimeProvider.System, NodeBytes);

        protected override void ConfigureWebHost(IWebHostBuilder builder) => builder
            .UseSetting("OrleansStream:Storage:Provider", "Memory").UseSetting(WebHostDefaults.ServerUrlsKey, ApiFixture.AnyPort)
            .ConfigureTestServices(services => services.AddSingleton(Node));
    }
}
