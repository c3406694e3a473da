using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using OrleansStream.Client;
using OrleansStream.Client.Telemetry;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>Stored bytes that nobody can read: a consumer goes on behind them, and its program is told which offsets are lost to it.</summary>
[Collection(ApiTests.Name)]
public sealed class UnreadableOffsetsTests(ApiFixture api)
{
    [Fact]
    public async Task Run_OverOffsetsThatNobodyCanRead_TellsThemToTheProgramTheLogAndTheMeter()
    {
        var topic = await StoreAsync();
        using var log = new LoggingTests.Lines();
        using var client = Client(log);
        var counted = 0L;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, meter) =>
        {
            if (instrument.Meter.Name == ClientTelemetry.Name && instrument.Name == "orleansstream.client.unreadable.offsets")
                meter.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            if (tags.ToArray().Contains(new("messaging.destination.name", topic)))
                Interlocked.Add(ref counted, count);
        });
        listener.Start();
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = client.Consume<string>("g-" + topic, topic);
        var (seen, told) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        consumer.OffsetsUnreadable += (_, gone) => told.Enqueue($"{gone.Topic}/{gone.Partition} {gone.FirstOffset}-{gone.LastOffset} {gone.Reason.Length > 0}");

        await consumer.RunAsync(
            (record, _) =>
            {
                seen.Enqueue(record.Value!);
                return record.Value == "last" ? stop.CancelAsync() : Task.CompletedTask;
            },
            stop.Token);

        Assert.Equal(["first", "last"], seen);
        Assert.Equal([$"{topic}/0 1-1 True"], told);
        Assert.Equal(LogLevel.Error, log.Find($"Group 'g-{topic}' passes over {topic}/0, offsets 1 to 1, which nobody can read: "));
        Assert.Equal(1, counted);
    }

    [Fact]
    public async Task Foreach_WhenThatHandlerThrows_EndsAndTheOffsetsComeAgain()
    {
        var topic = await StoreAsync();
        using var client = Client(log: null);
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        for (var time = 0; time < 2; time++)
        {
            var consumer = client.Consume<string>("g-" + topic, topic);
            consumer.OffsetsUnreadable += (_, gone) => throw new InvalidDataException($"lost {gone.FirstOffset}");
            var seen = new List<string>();

            var error = await Assert.ThrowsAsync<InvalidDataException>(async () =>
            {
                await foreach (var record in consumer.WithCancellation(stop.Token))
                    seen.Add(record.Value!);
            });

            Assert.Equal("lost 1", error.Message);
            Assert.Equal(time == 0 ? ["first"] : [], seen);
        }
    }

    [Fact]
    public async Task Read_OverOffsetsThatNobodyCanRead_TellsThemToTheProgramAndTheLog()
    {
        var topic = await StoreAsync();
        using var log = new LoggingTests.Lines();
        using var client = Client(log);
        var reader = client.Read<string>(topic);
        var (seen, told) = (new List<string>(), new ConcurrentQueue<string>());
        reader.OffsetsUnreadable += (_, gone) => told.Enqueue($"{gone.Topic}/{gone.Partition} {gone.FirstOffset}-{gone.LastOffset} {gone.Reason.Length > 0}");

        await foreach (var record in reader.WithCancellation(TestContext.Current.CancellationToken))
            seen.Add(record.Value!);

        Assert.Equal(["first", "last"], seen);
        Assert.Equal([$"{topic}/0 1-1 True"], told);
        Assert.Equal(LogLevel.Error, log.Find($"{topic}/0 is read without the offsets 1 to 1, which nobody can read: "));
    }

    private OrleansStreamClient Client(LoggingTests.Lines? log)
    {
        var options = new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!] };
        if (log is not null)
            options.LoggerFactory = LoggerFactory.Create(logging => logging.AddProvider(log));
        return new OrleansStreamClient(options);
    }

    private async Task<string> StoreAsync()
    {
        // The records are old, and retention would delete them.
        var topic = await api.CreateTopicAsync(config: """{"retention.ms":-1}""");
        await api.StoreUnopenedAsync(
            topic, TestBatch.At(StrangeBatch.TimestampMs - 1000, "first"), StrangeBatch.Garbage(CompressionType.Gzip),
            StrangeBatch.Sound(CompressionType.Gzip, "last"));
        return topic;
    }
}
