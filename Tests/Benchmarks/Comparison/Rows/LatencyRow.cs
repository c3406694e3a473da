using System.Buffers.Text;
using System.Diagnostics;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// From a producer's request to the answer of a consumer who waits for it, by REST's long poll and by Kafka's fetch, at idle and under half load.
/// </summary>
internal sealed class LatencyRow : IRow
{
    private const string Topic = "latency";
    private const string LoadTopic = "latency-load";
    private const int ValueBytes = 1024;
    private const int LoadConnections = 16;
    private const int LoadRecords = 100;
    private static readonly TimeSpan ParkTime = TimeSpan.FromMilliseconds(8);

    /// <inheritdoc/>
    public string Name => "latency";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartWithKafkaAsync(folder.Path);
        await service.CreateTopicAsync(Topic);
        await service.CreateTopicAsync(LoadTopic, partitions: 4);
        var value = SampleRecords.Text(ValueBytes);
        var load = Sides.Plan(service, LoadTopic, ProduceLoad.Json(value, isText: true, LoadRecords), LoadConnections);
        var full = Load.Run(load with { Duration = context.Duration });

        var samples = context.IsQuick ? 150 : 400;
        var doors = new IDoor[] { new RestDoor(service, value), new KafkaDoor(service, value), new ClientDoor(service, Topic, value) };
        var figures = new List<Figure>();
        foreach (var door in doors)
            figures.AddRange(Idle(door, context, samples));

        var half = full.RecordsPerSecond / LoadRecords / 2;
        var loading = Task.Factory.StartNew(
            () => Load.Run(load with { RequestsPerSecondMax = half, Duration = samples * ParkTime * 3 }), TaskCreationOptions.LongRunning);
        var loaded = Measure(doors[0], samples, hasConsumer: true);
        var wasLoaded = !loading.IsCompleted;
        var background = await loading;
        foreach (var door in doors)
            door.Dispose();
        figures.Add(Figure.Alone("end to end, one 1 KiB record, half load: p50", "ms", Statistics.Percentile(loaded, 0.5), Target.AtMost(1.5)) with
        {
            Note = $"({Figure.Show(background.RecordsPerSecond)} rec/s beside it{(wasLoaded ? "" : ", ended early")})",
        });
        figures.Add(Figure.Alone("end to end, one 1 KiB record, half load: p99", "ms", Statistics.Percentile(loaded, 0.99), Target.None));
        return figures;
    }

    // Compared with the time to the acknowledgement. The difference is the consumer's part.
    private static IEnumerable<Figure> Idle(IDoor door, RunContext context, int samples)
    {
        var (seen, acknowledged, worst) = (new double[context.Rounds], new double[context.Rounds], new double[context.Rounds]);
        // The first ones also pay for what is compiled when it is first used.
        Measure(door, samples, hasConsumer: true);
        Measure(door, samples, hasConsumer: false);
        for (var round = 0; round < context.Rounds; round++)
        {
            RawDisk.SettleSystem();
            acknowledged[round] = Statistics.Percentile(Measure(door, samples, hasConsumer: false), 0.5);
            var times = Measure(door, samples, hasConsumer: true);
            (seen[round], worst[round]) = (Statistics.Percentile(times, 0.5), Statistics.Percentile(times, 0.99));
            Console.WriteLine(
                $"    {round + 1} {door.Name}: acknowledged in {acknowledged[round]:0.000} ms, consumed in {seen[round]:0.000} ms, p99 {worst[round]:0.000} ms");
        }

        var path = $"end to end, one 1 KiB record, {door.Name}, idle";
        yield return new Figure(
            $"{path}: p50", "ms", Statistics.Median(seen), "its own p50, durable", Statistics.Median(acknowledged), Target.AtMost(1.5));
        yield return Figure.Alone($"{path}: p99", "ms", Statistics.Median(worst), Target.None);
    }

    private static double[] Measure(IDoor door, int samples, bool hasConsumer)
    {
        var offset = door.Produce() + 1;
        var times = new double[samples];
        for (var i = 0; i < samples; i++, offset++)
        {
            if (hasConsumer)
                door.BeginConsume(offset);
            Park();
            var began = Stopwatch.GetTimestamp();
            door.BeginProduce();
            if (!hasConsumer)
            {
                door.EndProduce(offset);
                times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                continue;
            }

            door.EndConsume(offset);
            times[i] = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
            door.EndProduce(offset);
        }

        Array.Sort(times);
        return times;
    }

    // The consumer's request must have been parked when the record comes; nothing tells when that is.
    private static void Park() => SocketPoll.Wait([], (int)ParkTime.TotalMilliseconds);

    /// <summary>REST, on raw sockets.</summary>
    private sealed class RestDoor(Service service, byte[] value) : IDoor
    {
        private const string Path = $"/v1/topics/{Topic}/partitions/0/records";
        private readonly HttpConnection _producer = new(service.Port);
        private readonly HttpConnection _consumer = new(service.Port);
        private readonly byte[] _produce = HttpRequests.Post(Path, "application/json", ProduceLoad.Json(value, isText: true, 1).Body);

        public string Name => "REST long poll";

        public void BeginProduce() => _producer.Send(_produce);

        public long EndProduce() => OffsetOf(_producer.Receive());

        public void BeginConsume(long offset) => _consumer.Send(HttpRequests.Get($"{Path}?offset={offset}&wait_ms=20000", "application/json"));

        public long EndConsume() => OffsetOf(_consumer.Receive());

        public void Dispose()
        {
            _producer.Dispose();
            _consumer.Dispose();
        }

        private static long OffsetOf(ReadOnlySpan<byte> body)
        {
            var at = body.IndexOf("\"offset\":"u8);
            return at >= 0 && Utf8Parser.TryParse(body[(at + 9)..], out long offset, out _) ? offset : -1;
        }
    }

    /// <summary>Kafka's protocol, on raw sockets.</summary>
    private sealed class KafkaDoor(Service service, byte[] value) : IDoor
    {
        private readonly KafkaConnection _producer = new(service.KafkaPort);
        private readonly KafkaConnection _consumer = new(service.KafkaPort);
        private readonly byte[] _produce = KafkaCalls.ProduceRequest(1, Topic, 0, acks: -1, SampleRecords.Batch(value, 1));

        public string Name => "Kafka, raw";

        public void BeginProduce() => _producer.Send(_produce);

        public long EndProduce() => KafkaCalls.ReadProduced(_producer.Receive(), 1);

        public void BeginConsume(long offset) => _consumer.Send(KafkaCalls.FetchRequest(2, Topic, 0, offset));

        public long EndConsume() => KafkaCalls.ReadFetched(_consumer.Receive(), 2);

        public void Dispose()
        {
            _producer.Dispose();
            _consumer.Dispose();
        }
    }
}
