using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>
/// Real clients that are slow and honest: producers of one line in a while, and a page that stands still for half a minute. The service's time is
/// put forward, so that the whiles pass at once.
/// </summary>
/// <remarks>What is not installed is skipped, and the output says so; nothing is downloaded.</remarks>
public sealed class SlowClientTests : IAsyncLifetime
{
    private const int LineCount = 3;

    private readonly SkippingTime _time = new();
    private readonly ApiFixture _api;

    public SlowClientTests() => _api = new ApiFixture(_time);

    public ValueTask InitializeAsync() => _api.InitializeAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Produce_ByCurl_OfALineInAWhile_IsNotCut()
    {
        Assert.SkipWhen(Installed.Find("curl") is null, "curl is not installed.");
        var topic = await _api.CreateTopicAsync();
        await ProduceByProgramAsync(topic, new ProcessStartInfo(
            "curl", ["-sS", "--fail-with-body", "-X", "POST", "-T", "-", "-H", "Content-Type: application/x-ndjson", UrlOf(topic)]));
    }

    [Fact]
    public async Task Produce_ByNodesFetch_OfALineInAWhile_IsNotCut()
    {
        var topic = await _api.CreateTopicAsync();
        await ProduceByProgramAsync(topic, new ProcessStartInfo(
            "node", [Path.Combine(AppContext.BaseDirectory, "Foreign", "live-producer.mjs"), UrlOf(topic)]));
    }

    [Fact]
    public async Task Produce_ByHttpClient_OfALineInAWhile_IsNotCut()
    {
        var topic = await _api.CreateTopicAsync();
        using var lines = new LiveLines(stream => ProduceInWhilesAsync(topic, async line =>
        {
            await stream.WriteAsync(Encoding.UTF8.GetBytes(line));
            await stream.FlushAsync();
        }));
        using var answer = await _api.PostAsync($"/v1/topics/{topic}/records", lines);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        AssertAllStored(await ApiFixture.TextAsync(answer));
    }

    [Theory]
    [InlineData(30, 0), InlineData(61, 1)]
    public async Task Tail_ByAPageThatStandsStill_SeesEachRecordOnce(int standsStillSeconds, int breaks)
    {
        var browser = Installed.FindBrowser();
        Assert.SkipWhen(browser is null, $"No browser is installed: {string.Join(", ", Installed.Browsers)}.");
        // More than browser and system take in on the page's behalf.
        const int Count = 30;
        var topic = await _api.CreateTopicAsync();
        var value = ApiFixture.Body(Enumerable.Repeat((byte)'x', 1_000_000).ToArray(), "text/plain");
        for (var i = 0; i < Count; i++)
            (await _api.PostAsync($"/v1/topics/{topic}/records", value)).EnsureSuccessStatusCode();

        using var profile = new ScratchFolder();
        await using var page = new LiveProgram(new ProcessStartInfo(
            "node",
            [
                Path.Combine(AppContext.BaseDirectory, "Foreign", "pausing-tail.cjs"), browser, profile.Path,
                new Uri(_api.Client.BaseAddress!, "/health/live").AbsoluteUri, $"{UrlOf(topic)}?from=earliest", $"{Count}",
            ]));
        await page.UntilPrintedAsync("pausing");
        await Wait.UntilAsync("the tail waits for its reader", async () =>
        {
            var held = _api.Answers.Bytes;
            await Wait.ForAsync(TimeSpan.FromMilliseconds(200));
            return held > 0 && _api.Answers.Bytes == held;
        });
        _time.Advance(TimeSpan.FromSeconds(standsStillSeconds));
        if (breaks > 0)
            await Wait.UntilAsync("it is cut", () => _api.Answers.Bytes == 0);
        await page.WriteLineAsync("go on");

        var seen = JsonNode.Parse(await page.UntilPrintedAsync("{"))!;
        Assert.Equal(Enumerable.Range(0, Count), seen["offsets"]!.AsArray().Select(offset => (int)offset!));
        Assert.Equal(breaks, (int)seen["breaks"]!);
    }

    private string UrlOf(string topic) => new Uri(_api.Client.BaseAddress!, $"/v1/topics/{topic}/records").AbsoluteUri;

    private async Task ProduceByProgramAsync(string topic, ProcessStartInfo start)
    {
        await using var program = new LiveProgram(start);
        await ProduceInWhilesAsync(topic, program.WriteLineAsync);
        AssertAllStored(await program.EndAsync());
    }

    // Each line is stored as it comes, and then nothing comes for longer than any bound.
    private async Task ProduceInWhilesAsync(string topic, Func<string, Task> send)
    {
        for (var i = 1; i <= LineCount; i++)
        {
            await send($"{{\"value\":{i}}}\n");
            await Wait.UntilAsync($"line {i} is stored", async () =>
                (int)(await _api.GetAsync($"/v1/topics/{topic}/partitions"))["partitions"]![0]!["high_watermark"]! == i);
            for (var look = 0; look < 3; look++)
                _time.Advance(HttpLimits.BodyLook);
        }
    }

    private static void AssertAllStored(string answer) => Assert.Equal(
        Enumerable.Range(0, LineCount),
        answer.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (int)JsonNode.Parse(line)!["offset"]!));

    private sealed class LiveLines : HttpContent
    {
        private readonly Func<Stream, Task> _write;

        public LiveLines(Func<Stream, Task> write)
        {
            _write = write;
            Headers.ContentType = new("application/x-ndjson");
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => _write(stream);

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
