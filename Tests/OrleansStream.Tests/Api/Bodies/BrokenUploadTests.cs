using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api.Bodies;

/// <summary>Uploads whose connection breaks off: nobody's fault here, so nothing in the log says so.</summary>
public sealed class BrokenUploadTests : IAsyncLifetime
{
    private readonly Lines _log = new();
    private readonly FakeTimeProvider _time = new();
    private LoneApi _api = null!;

    public async ValueTask InitializeAsync() => _api = await LoneApi.StartAsync(log: _log, time: _time);

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Theory]
    [InlineData("text/plain"), InlineData("application/json"), InlineData(BodyKinds.Ndjson), InlineData(BodyKinds.Batch)]
    public async Task Post_WhenTheConnectionBreaksOff_LogsNoFailure(string type)
    {
        string[] framings = ["Content-Length: 1000", "Transfer-Encoding: chunked"];
        string[] codings = ["", "Content-Encoding: gzip\r\n", "Content-Encoding: deflate\r\n", "Content-Encoding: br\r\n", "Content-Encoding: zstd\r\n"];
        var count = 0;
        foreach (var framing in framings)
        {
            foreach (var coding in codings)
            {
                foreach (var isReset in (bool[])[false, true])
                {
                    await BreakOffAsync($"Content-Type: {type}\r\n{coding}{framing}", isReset);
                    count++;
                }
            }
        }

        await BreakOffAsync($"Content-Type: {type}\r\nContent-Length: 20000000", isReset: true);
        count++;
        await Wait.UntilAsync("each connection has ended", () => _log.EndedCount == count);
        Assert.True(_log.Troubles.IsEmpty, string.Join("\n", _log.Troubles));
    }

    // Much of it came fast, so the server's own pace is kept.
    [Theory]
    [InlineData("/v1/topics/t/records", "application/x-www-form-urlencoded"), InlineData("/v1/nothing", "text/plain")]
    [InlineData("/v1/topics/t/records", "application/json"), InlineData("/v1/topics/t/records", "text/plain")]
    public async Task Send_WhenTheSenderStandsStill_IsCutAndLogsNoFailure(string path, string type)
    {
        const int SentBytes = 600_000;
        var count = 0;
        foreach (var framing in new[] { "Content-Length: 1000000", $"Transfer-Encoding: chunked\r\n\r\n{SentBytes:x}" })
        {
            using var client = new TcpClient();
            await client.ConnectAsync(_api.Client.BaseAddress!.Host, _api.Client.BaseAddress.Port, TestContext.Current.CancellationToken);
            var end = framing.StartsWith("Content", StringComparison.Ordinal) ? "\r\n\r\n" : "\r\n";
            var head = Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n{framing}{end}");
            await client.Client.SendAsync((byte[])[.. head, .. new byte[SentBytes], .. "\r\n"u8], TestContext.Current.CancellationToken);
            count++;
            await Wait.UntilAsync("it is cut", () =>
            {
                _time.Advance(HttpLimits.BodyLook);
                return _log.EndedCount == count;
            });
        }

        Assert.True(_log.Troubles.IsEmpty, string.Join("\n", _log.Troubles));
    }

    // What befell the connection is not told as a fault of the coding.
    [Theory]
    [InlineData(""), InlineData("gzip"), InlineData("deflate"), InlineData("br"), InlineData("zstd")]
    public async Task Post_WhenTheFramingIsBroken_IsToldSo(string coding)
    {
        var body = coding.Length == 0 ? "{\"records\":[]}"u8.ToArray() : Coded.Encode(coding, new byte[1000]);
        var header = coding.Length == 0 ? "" : $"Content-Encoding: {coding}\r\n";
        foreach (var type in new[] { "text/plain", "application/json", BodyKinds.Batch })
        {
            using var client = new TcpClient();
            await client.ConnectAsync(_api.Client.BaseAddress!.Host, _api.Client.BaseAddress.Port, TestContext.Current.CancellationToken);
            var head = Encoding.ASCII.GetBytes(
                $"POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n{header}Transfer-Encoding: chunked\r\n\r\n5\r\n");
            await client.Client.SendAsync((byte[])[.. head, .. body[..5], .. "\r\nno length\r\n"u8], TestContext.Current.CancellationToken);
            using var answer = new StreamReader(client.GetStream());
            var text = await answer.ReadToEndAsync(TestContext.Current.CancellationToken);
            Assert.StartsWith("HTTP/1.1 400", text, StringComparison.Ordinal);
            Assert.Contains("framing", text, StringComparison.Ordinal);
            Assert.DoesNotContain("Content-Encoding", text, StringComparison.Ordinal);
        }
    }

    private async Task BreakOffAsync(string headers, bool isReset)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_api.Client.BaseAddress!.Host, _api.Client.BaseAddress.Port, TestContext.Current.CancellationToken);
        var askedFor = _log.BegunCount + 1;
        // A chunk of 16 bytes, and more that never comes.
        var request = Encoding.ASCII.GetBytes($"POST /v1/topics/t/records HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n10\r\n0123456789abcdef");
        await client.Client.SendAsync(request, TestContext.Current.CancellationToken);
        await Wait.UntilAsync("the request is read", () => _log.BegunCount >= askedFor);
        if (isReset)
            client.LingerState = new LingerOption(true, 0);
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        private int _begunCount, _endedCount;

        public ConcurrentQueue<string> Troubles { get; } = new();

        public int BegunCount => Volatile.Read(ref _begunCount);

        public int EndedCount => Volatile.Read(ref _endedCount);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var text = formatter(state, exception);
            if (logLevel >= LogLevel.Warning)
                Troubles.Enqueue($"{text} {exception}");
            if (text.StartsWith("Request starting", StringComparison.Ordinal))
                Interlocked.Increment(ref _begunCount);
            if (text.StartsWith("Connection id", StringComparison.Ordinal) && text.EndsWith("stopped.", StringComparison.Ordinal))
                Interlocked.Increment(ref _endedCount);
        }

        public void Dispose()
        {
        }
    }
}
