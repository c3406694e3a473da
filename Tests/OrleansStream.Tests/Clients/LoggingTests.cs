using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Hosting;
using OrleansStream.Client.Telemetry;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>What the client tells its program's log.</summary>
[Collection(ApiTests.Name)]
public sealed class LoggingTests(ApiFixture api)
{
    [Fact]
    public async Task Send_WhenARequestIsRepeatedAndARecordIsRefused_TellsBoth()
    {
        using var log = new Lines();
        using var line = new FaultyHttpHandler();
        using var client = Client(line, log, api.Client.BaseAddress!);
        var topic = await api.CreateTopicAsync(1, """{"max.message.bytes":1000}""");
        await using var producer = client.CreateProducer(topic, options => options.RetryBackoff = TimeSpan.Zero);
        line.OnRequest = (_, number) => number == 1 ? HttpFault.RequestLost : HttpFault.None;

        await producer.SendAsync("a", "small");
        await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", new string('x', 2_000)));

        Assert.Equal(LogLevel.Warning, log.Find($"GET {api.Client.BaseAddress}v1/topics/{topic} failed (Injected: the request is lost.): try 2 follows in 00:00:00"));
        Assert.Equal(LogLevel.Error, log.Find($"1 records of {topic}/0 are not stored: MESSAGE_TOO_LARGE, "));
    }

    [Theory]
    [InlineData("http://stream.example.com:8080", "os_key", true)]
    [InlineData("http://stream.example.com:8080", null, false)]
    [InlineData("https://stream.example.com", "os_key", false)]
    [InlineData("http://localhost:8080", "os_key", false)]
    public void Client_WhoseKeyGoesOverANetworkInTheClear_WarnsOfIt(string endpoint, string? key, bool isWarned)
    {
        using var log = new Lines();
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [new Uri("http://127.0.0.1"), new Uri(endpoint)],
            ApiKey = key,
            LoggerFactory = LoggerFactory.Create(logging => logging.AddProvider(log)),
        });

        Assert.Equal(isWarned ? LogLevel.Warning : (LogLevel?)null, log.Find($"goes to {endpoint}/ without encryption"));
        Assert.Null(log.Find("os_key"));
    }

    [Fact]
    public async Task Ask_WhenANodeDoesNotServe_TellsThatItGoesOn()
    {
        using var log = new Lines();
        using var line = new FaultyHttpHandler();
        var other = new Uri(api.Client.BaseAddress!.ToString().Replace("127.0.0.1", "localhost", StringComparison.Ordinal));
        using var client = Client(line, log, api.Client.BaseAddress!, other);
        // It begins with either node, and that one does not serve.
        line.OnRequest = (_, number) => number == 1 ? HttpFault.Busy : HttpFault.None;

        await client.Admin.GetClusterAsync(TestContext.Current.CancellationToken);

        Assert.Equal(LogLevel.Warning, log.Find("/ does not serve (503): further requests go to http://"));
    }

    [Fact]
    public async Task Run_WhenPartitionsComeAndARecordFails_TellsBothUnderTheClientsName()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        await rig.SendAsync("0");
        using var log = new Lines();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(log);
        builder.Configuration.AddInMemoryCollection([new("OrleansStream:Endpoints", api.Client.BaseAddress!.ToString())]);
        builder.Services.AddOrleansStream(builder.Configuration.GetSection("OrleansStream"));
        using var host = builder.Build();
        using var stop = new CancellationTokenSource(Wait.Patience);
        var client = host.Services.GetRequiredService<OrleansStreamClient>();

        await client.Consume<string>(rig.Group, rig.Topic, options => options.RetryPolicy = new RetryPolicyRequest { MaxAttempts = 1 }).RunAsync(
            async (record, _) =>
            {
                await record.FailAsync("no good", CancellationToken.None);
                await stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal(LogLevel.Information, log.Find($"of group '{rig.Group}' has 2 partitions: it got [{rig.Topic}/0, {rig.Topic}/1], and handed over []"));
        Assert.Equal(LogLevel.Information, log.Find("has 0 partitions: it got [], and handed over ["));
        Assert.Equal(LogLevel.Warning, log.Find($"Group '{rig.Group}' could not work on {rig.Topic}/"));
        Assert.All(log.Categories, category => Assert.Equal(ClientTelemetry.Name, category));
    }

    private static OrleansStreamClient Client(HttpMessageHandler line, Lines log, params Uri[] nodes) => new(new OrleansStreamClientOptions
    {
        Endpoints = [.. nodes],
        HttpHandler = line,
        LoggerFactory = LoggerFactory.Create(logging => logging.AddProvider(log)),
    });

    /// <summary>The lines that were told.</summary>
    internal sealed class Lines : ILoggerProvider
    {
        private readonly ConcurrentQueue<(string Category, LogLevel Level, string Text)> _lines = new();

        public IEnumerable<string> Categories => _lines.Select(line => line.Category).Distinct();

        /// <summary>The level of a line that has a text; null when there is none.</summary>
        public LogLevel? Find(string text) => _lines
            .Where(line => line.Text.Contains(text, StringComparison.Ordinal)).Select(line => (LogLevel?)line.Level).FirstOrDefault();

        public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

        public void Dispose()
        {
        }

        private sealed class Category(Lines lines, string name) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(
                LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                lines._lines.Enqueue((name, logLevel, formatter(state, exception)));
        }
    }
}
