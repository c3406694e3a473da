using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using OrleansStream.Client.Telemetry;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>The client's spans and metrics have OpenTelemetry's names, and a handler's span leads back to the send.</summary>
[Collection(ApiTests.Name)]
public sealed class TelemetryTests(ApiFixture api)
{
    [Fact]
    public async Task Spans_OfSendAndProcess_AreLinked()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ClientTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                if ((string?)activity.GetTagItem("messaging.destination.name") == rig.Topic)
                    spans.Enqueue(activity);
            },
        };
        ActivitySource.AddActivityListener(listener);
        await rig.SendAsync("0");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        await rig.Client.Consume<string>(rig.Group, rig.Topic).RunAsync((_, _) => stop.CancelAsync(), stop.Token);

        var send = Assert.Single(spans, span => span.DisplayName == $"send {rig.Topic}");
        var publish = Assert.Single(spans, span => span.DisplayName == $"publish {rig.Topic}");
        var process = Assert.Single(spans, span => span.DisplayName == $"process {rig.Topic}");
        Assert.Equal((ActivityKind.Producer, ActivityKind.Client, ActivityKind.Consumer), (send.Kind, publish.Kind, process.Kind));
        Assert.Equal(send.SpanId, Assert.Single(process.Links).Context.SpanId);
        Assert.Equal(("0", 0L), ((string?)process.GetTagItem("messaging.destination.partition.id"), (long?)process.GetTagItem("messaging.kafka.offset")));
        Assert.Equal(rig.Group, process.GetTagItem("messaging.consumer.group.name"));
    }

    /// <summary>The records of a batch have different senders, and the end of one's span makes that sender's current.</summary>
    [Fact]
    public async Task Callback_OfARecord_DoesNotRunInTheSpanOfAnotherSender()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Linger = TimeSpan.FromSeconds(60));
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ClientTelemetry.Name,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        var told = new TaskCompletionSource<Activity?>();
        Task sent;
        using (var other = new Activity("another sender").Start())
            sent = producer.SendAsync("a", "0");
        await producer.EnqueueAsync(
            new OrleansStream.Client.Producing.OutgoingRecord<string>("a", "1"), _ => told.TrySetResult(Activity.Current));

        await producer.FlushAsync();

        await sent;
        Assert.NotEqual("another sender", (await told.Task)?.DisplayName);
    }

    [Fact]
    public async Task Metrics_CountWhatIsSentAndConsumed()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var counts = new ConcurrentDictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, meter) =>
        {
            if (instrument.Meter.Name == ClientTelemetry.Name)
                meter.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag.Key == "messaging.destination.name" && (string?)tag.Value == rig.Topic)
                    counts.AddOrUpdate(instrument.Name, value, (_, before) => before + value);
            }
        });
        listener.Start();
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var handled = 0;
        await rig.Client.Consume<string>(rig.Group, rig.Topic).RunAsync(
            (_, _) => ++handled == 2 ? stop.CancelAsync() : Task.CompletedTask, stop.Token);

        Assert.Equal((2L, 2L), (counts["messaging.client.sent.messages"], counts["messaging.client.consumed.messages"]));
    }
}
