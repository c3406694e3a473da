using System.Buffers.Text;
using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>From a producer's request to the answer of a consumer who waits for it by long poll, at idle and under half load.</summary>
internal sealed class LatencyRow : IRow
{
    private const string Topic = "latency";
    private const string LoadTopic = "latency-load";
    private const int LoadConnections = 16;
    private const int LoadRecords = 100;
    private static readonly TimeSpan ParkTime = TimeSpan.FromMilliseconds(8);

    /// <inheritdoc/>
    public string Name => "latency";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        await service.CreateTopicAsync(Topic);
        await service.CreateTopicAsync(LoadTopic, partitions: 4);
        var value = SampleRecords.Text(1024);
        var load = Sides.Plan(service, LoadTopic, ProduceLoad.Json(value, isText: true, LoadRecords), LoadConnections);
        var full = Load.Run(load with { Duration = context.Duration });

        var samples = context.IsQuick ? 150 : 400;
        var record = ProduceLoad.Json(value, isText: true, 1).Body;
        Measure(service, record, samples / 5); // the first ones also pay for what is compiled when it is first used
        var idle = Measure(service, record, samples);
        var half = full.RecordsPerSecond / LoadRecords / 2;
        var loading = Task.Factory.StartNew(
            () => Load.Run(load with { RequestsPerSecondMax = half, Duration = samples * ParkTime * 3 }), TaskCreationOptions.LongRunning);
        var loaded = Measure(service, record, samples);
        var wasLoaded = !loading.IsCompleted;
        var background = await loading;
        return
        [
            Figure.Alone("end to end, one 1 KiB record, idle: p50", "ms", Statistics.Percentile(idle, 0.5), Target.AtMost(1.5)),
            Figure.Alone("end to end, one 1 KiB record, idle: p99", "ms", Statistics.Percentile(idle, 0.99), Target.None),
            Figure.Alone("end to end, one 1 KiB record, half load: p50", "ms", Statistics.Percentile(loaded, 0.5), Target.AtMost(1.5)) with
            {
                Note = $"({Figure.Show(background.RecordsPerSecond)} rec/s beside it{(wasLoaded ? "" : ", ended early")})",
            },
            Figure.Alone("end to end, one 1 KiB record, half load: p99", "ms", Statistics.Percentile(loaded, 0.99), Target.None),
        ];
    }

    private static double[] Measure(Service service, byte[] record, int samples)
    {
        const string path = $"/v1/topics/{Topic}/partitions/0/records";
        using var producer = new HttpConnection(service.Port);
        using var consumer = new HttpConnection(service.Port);
        var produce = HttpRequests.Post(path, "application/json", record);
        producer.Send(produce);
        var offset = OffsetOf(producer.Receive()) + 1;
        var times = new double[samples];
        for (var i = 0; i < samples; i++, offset++)
        {
            consumer.Send(HttpRequests.Get($"{path}?offset={offset}&wait_ms=20000", "application/json"));
            Park();
            var began = Stopwatch.GetTimestamp();
            producer.Send(produce);
            var seen = consumer.Receive();
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            if (OffsetOf(seen) != offset || OffsetOf(producer.Receive()) != offset)
                throw new UnexpectedAnswerException($"The consumer was not given offset {offset}.");
        }

        Array.Sort(times);
        return times;
    }

    // The consumer's request must have been parked when the record comes; nothing tells when that is.
    private static void Park()
    {
        SocketPoll.Wait([], (int)ParkTime.TotalMilliseconds);
    }

    private static long OffsetOf(ReadOnlySpan<byte> body)
    {
        var at = body.IndexOf("\"offset\":"u8);
        return at >= 0 && Utf8Parser.TryParse(body[(at + 9)..], out long offset, out _) ? offset : -1;
    }
}
