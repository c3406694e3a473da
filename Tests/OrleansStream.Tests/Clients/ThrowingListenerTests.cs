using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Client.Serialization;
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
        using var listeners = new BrokenListeners(rig.Topic);
        await using var producer = rig.Client.CreateProducer(rig.Topic);

        var list = await Soon(producer.SendAsync([new OutgoingRecord<string>("a", "0"), new OutgoingRecord<string>("a", "1")]));
        var single = await Soon(producer.SendAsync("a", "2"));

        Assert.Equal([0L, 1, 2], list.Append(single).Select(result => result.Offset));
        Assert.All(list.Append(single), result => Assert.True(result.IsStored));
        Assert.Equal(rig.Topic, Assert.Single(list.Select(result => result.Topic).Distinct()));
        Assert.Equal(["0", "1", "2"], (await rig.ReadAllAsync()).Select(record => record.Value));
        Assert.True(listeners.ThrownCount >= 4);
    }

    [Fact]
    public async Task Run_WhenListenersThrow_WorksOnEachRecordOnce()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
            await producer.SendAsync([.. Enumerable.Range(0, 5).Select(number => new OutgoingRecord<string>($"{number % 2}", $"{number}"))]);
        using var listeners = new BrokenListeners(rig.Topic);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var seen = new ConcurrentQueue<string>();

        await Soon(rig.Client.Consume<string>(rig.Group, rig.Topic).RunAsync(
            (record, _) =>
            {
                seen.Enqueue(record.Value!);
                return seen.Count == 5 ? ended.CancelAsync() : Task.CompletedTask;
            },
            ended.Token));

        Assert.Equal(["0", "1", "2", "3", "4"], seen.Order(StringComparer.Ordinal));
        Assert.True(listeners.ThrownCount >= 5);
    }

    [Fact]
    public async Task Batch_WhenOneOfThoseWhoWaitThrows_TellsTheOthersWhereTheyAreStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var connection = new ServiceConnection(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!] }.Settings());
        await using var queue = new RecordQueue(rig.Topic, new ProducerOptions { Linger = ProducerLimits.LingerMax }, connection);
        var encoder = new ValueEncoder<string>(new TextSerializer(), changes: 0);
        var told = new ConcurrentQueue<(long Offset, string? Error)>();
        foreach (var isBroken in new[] { false, true, false })
            await queue.AddAsync(new OutgoingRecord<string>("a", "goal"), encoder, new Waiting(told, isBroken), 0, null, TestContext.Current.CancellationToken);

        await Soon(queue.FlushAsync(TestContext.Current.CancellationToken));

        Assert.Equal([(0L, null), (1, null), (2, null)], told);
    }

    private static Task<T> Soon<T>(Task<T> task) => task.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

    private static Task Soon(Task task) => task.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

    /// <summary>Listeners to the client's spans and metrics that throw at each of one topic.</summary>
    private sealed class BrokenListeners : IDisposable
    {
        private readonly string _topic;
        private readonly ActivityListener _spans;
        private readonly MeterListener _metrics;
        private int _thrownCount;

        public BrokenListeners(string topic)
        {
            _topic = topic;
            _spans = new ActivityListener
            {
                ShouldListenTo = source => source.Name == ClientTelemetry.Name,
                Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
                ActivityStopped = activity => Throw((string?)activity.GetTagItem("messaging.destination.name")),
            };
            ActivitySource.AddActivityListener(_spans);
            _metrics = new MeterListener
            {
                InstrumentPublished = (instrument, meter) =>
                {
                    if (instrument.Meter.Name == ClientTelemetry.Name)
                        meter.EnableMeasurementEvents(instrument);
                },
            };
            _metrics.SetMeasurementEventCallback<long>((_, _, tags, _) => Throw(TopicOf(tags)));
            _metrics.SetMeasurementEventCallback<double>((_, _, tags, _) => Throw(TopicOf(tags)));
            _metrics.Start();
        }

        public int ThrownCount => _thrownCount;

        public void Dispose()
        {
            _spans.Dispose();
            _metrics.Dispose();
        }

        private void Throw(string? topic)
        {
            if (topic != _topic)
                return;
            Interlocked.Increment(ref _thrownCount);
            throw new InvalidDataException("The listener is broken.");
        }

        private static string? TopicOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var tag in tags)
            {
                if (tag.Key == "messaging.destination.name")
                    return (string?)tag.Value;
            }

            return null;
        }
    }

    private sealed class Waiting(ConcurrentQueue<(long Offset, string? Error)> told, bool isBroken) : IDelivery
    {
        public void Tell(int index, int count, in SendResult first)
        {
            told.Enqueue((first.Offset, first.Error?.ErrorCode));
            if (isBroken)
                throw new InvalidDataException("It cannot be told.");
        }
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
