using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Telemetry;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// A program's log may throw, and so may its listeners to spans and metrics. Records, and those who wait for them, do not depend on these.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ThrowingListenerTests(ApiFixture api)
{
    [Fact]
    public async Task Send_WhenTheLogThrows_TellsOfTheRefusedRecordAndStoresTheNext()
    {
        using var line = new FaultyHttpHandler();
        using var log = new BrokenLog();
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [api.Client.BaseAddress!],
            HttpHandler = line,
            LoggerFactory = LoggerFactory.Create(logging => logging.AddProvider(log)),
        });
        var topic = await api.CreateTopicAsync(1, """{"max.message.bytes":1000}""");
        await using var producer = client.CreateProducer(topic, options => options.RetryBackoff = TimeSpan.Zero);
        line.OnRequest = (_, number) => number == 2 ? HttpFault.RequestLost : HttpFault.None;

        var refused = await Assert.ThrowsAsync<StreamServiceException>(() => Soon(producer.SendAsync("a", new string('x', 2_000))));
        var stored = await Soon(producer.SendAsync("a", "next"));
        await Soon(producer.FlushAsync(TestContext.Current.CancellationToken));

        Assert.Equal("MESSAGE_TOO_LARGE", refused.ErrorCode);
        Assert.Equal(0, stored.Offset);
        Assert.True(log.LineCount > 0);
    }

    [Fact]
    public async Task Send_WhenListenersThrow_TellsEachRecordOfAListOnce()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var thrown = 0;
        void Throw(string? topic)
        {
            if (topic != rig.Topic)
                return;
            Interlocked.Increment(ref thrown);
            throw new InvalidDataException("The listener is broken.");
        }

        using var spans = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ClientTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => Throw((string?)activity.GetTagItem("messaging.destination.name")),
        };
        ActivitySource.AddActivityListener(spans);
        using var metrics = new MeterListener
        {
            InstrumentPublished = (instrument, meter) =>
            {
                if (instrument.Meter.Name == ClientTelemetry.Name)
                    meter.EnableMeasurementEvents(instrument);
            },
        };
        metrics.SetMeasurementEventCallback<long>((_, _, tags, _) => Throw(TopicOf(tags)));
        metrics.SetMeasurementEventCallback<double>((_, _, tags, _) => Throw(TopicOf(tags)));
        metrics.Start();
        await using var producer = rig.Client.CreateProducer(rig.Topic);

        var list = await Soon(producer.SendAsync([new OutgoingRecord<string>("a", "0"), new OutgoingRecord<string>("a", "1")]));
        var single = await Soon(producer.SendAsync("a", "2"));

        Assert.Equal([0L, 1, 2], list.Append(single).Select(result => result.Offset));
        Assert.All(list.Append(single), result => Assert.True(result.IsStored));
        Assert.Equal(rig.Topic, Assert.Single(list.Select(result => result.Topic).Distinct()));
        Assert.Equal(["0", "1", "2"], (await rig.ReadAllAsync()).Select(record => record.Value));
        Assert.True(thrown >= 4);
    }

    private static Task<T> Soon<T>(Task<T> task) => task.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

    private static Task Soon(Task task) => task.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

    private static string? TopicOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var tag in tags)
        {
            if (tag.Key == "messaging.destination.name")
                return (string?)tag.Value;
        }

        return null;
    }

    private sealed class BrokenLog : ILoggerProvider, ILogger
    {
        private int _lines;

        public int LineCount => _lines;

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Interlocked.Increment(ref _lines);
            throw new InvalidDataException("The log is broken.");
        }

        public void Dispose()
        {
        }
    }
}
