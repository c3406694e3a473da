using System.Globalization;
using Confluent.Kafka;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>What a program with Confluent.Kafka's producer sees, beside the same program on a broker of the library's own, in memory.</summary>
internal sealed class KafkaProduceRow : IRow
{
    private const string Mock = "the client on librdkafka's mock broker";
    private const int ValueBytes = 1024;

    // As many as the mock broker makes of a topic.
    private const int Partitions = 4;

    private static int _topics;

    /// <inheritdoc/>
    public string Name => "kafka-produce";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartWithKafkaAsync(folder.Path);
        var value = SampleRecords.Text(ValueBytes);
        var results = await context.AlternateAsync(
            new Side(Mock, () => Task.Run(() => ClientProducer.Run(null, "mock", Acks.Leader, value, context.Duration, driven: null))),
            new Side("service, acks 1", () => ProduceAsync(service, Acks.Leader, value, context.Duration)),
            new Side("service, durable", () => ProduceAsync(service, Acks.All, value, context.Duration)));
        var ceiling = results[Mock];
        return
        [
            .. new[] { ("acks 1", 0.75), ("durable", 0.7) }.Select(one => new Figure(
                $"Kafka produce, Confluent.Kafka, records of {ValueBytes} B, {one.Item1}", "rec/s", results[$"service, {one.Item1}"].RecordsPerSecond,
                Mock, ceiling.RecordsPerSecond, Target.AtLeast(one.Item2)).Costing(results[$"service, {one.Item1}"]) with
            {
                Note = $"({CoresOf(results[$"service, {one.Item1}"])}; the client with its mock broker {Figure.Show(ceiling.Driver.Cores)})",
            }),
        ];
    }

    /// <summary>The cores of client and service.</summary>
    /// <param name="result">The result.</param>
    public static string CoresOf(LoadResult result) =>
        $"cores: client {Figure.Show(result.Driver.Cores)}, service {Figure.Show(result.Driven.Cores)}";

    private static async Task<LoadResult> ProduceAsync(Service service, Acks acks, byte[] value, TimeSpan duration)
    {
        var topic = string.Create(CultureInfo.InvariantCulture, $"client-{Interlocked.Increment(ref _topics)}");
        await service.CreateTopicAsync(topic, Partitions);
        var result = await Task.Run(() => ClientProducer.Run($"127.0.0.1:{service.KafkaPort}", topic, acks, value, duration, service.Process));
        var stored = await service.CountRecordsAsync(topic);
        // With acks 1 the last ones may still be on their way to the disk.
        if (stored != result.Records && acks == Acks.All)
            throw new UnexpectedAnswerException($"{result.Records} records were acknowledged, {stored} are stored.");
        await service.DeleteTopicAsync(topic);
        return result;
    }
}

/// <summary>What a program with Confluent.Kafka's consumer sees, beside the same program on an endless source in memory.</summary>
internal sealed class KafkaConsumeRow : IRow
{
    private const string Endless = "the client on an endless source in memory";
    private const string Topic = "consumed";
    private const int ValueBytes = 1024;
    private const int BatchRecords = 100;

    /// <inheritdoc/>
    public string Name => "kafka-consume";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartWithKafkaAsync(folder.Path);
        var endless = await EndlessKafka.StartAsync(ValueBytes, BatchRecords);
        using var endlessProcess = endless.Process;
        var records = context.IsQuick ? 400_000L : 1_200_000;
        await service.CreateTopicAsync(Topic, EndlessKafka.Partitions);
        var load = ProduceLoad.Encoded(SampleRecords.Text(ValueBytes), BatchRecords);
        for (var partition = 0; partition < EndlessKafka.Partitions; partition++)
            Filler.Fill(Sides.Plan(service, Topic, load, 1, partition), records / BatchRecords / EndlessKafka.Partitions);
        var results = await context.AlternateAsync(
            new Side(Endless, () => Task.Run(() => ClientConsumer.Run(
                endless.Port, EndlessKafka.Topic, EndlessKafka.Partitions, records, ValueBytes, endless.Process))),
            new Side("service", () => Task.Run(() => ClientConsumer.Run(
                service.KafkaPort, Topic, EndlessKafka.Partitions, records, ValueBytes, service.Process))));
        var (ours, theirs) = (results["service"], results[Endless]);
        return
        [
            new Figure(
                $"Kafka consume, Confluent.Kafka, records of {ValueBytes} B", "rec/s", ours.RecordsPerSecond,
                Endless, theirs.RecordsPerSecond, Target.AtLeast(0.8)).Costing(ours, theirs) with
            {
                Note = $"({KafkaProduceRow.CoresOf(ours)}; beside the source {Figure.Show(theirs.Driver.Cores)} and {Figure.Show(theirs.Driven.Cores)})",
            },
        ];
    }
}

/// <summary>What the Kafka endpoint takes of a driver that costs nothing, beside the disk alone.</summary>
internal sealed class KafkaRawRow : IRow
{
    private const int ValueBytes = 1024;
    private const int Window = 5;
    private const int BatchBytes = 64 * 1024;
    private const string Raw = "service, 1 connection, 5 in flight";
    private static int _topics;

    /// <inheritdoc/>
    public string Name => "kafka-raw";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartWithKafkaAsync(folder.Path);
        var records = (BatchBytes - 100) / (ValueBytes + 14);
        var batch = SampleRecords.Batch(SampleRecords.Text(ValueBytes), records);
        var appends = context.IsQuick ? 3_000 : 10_000;
        var results = await context.AlternateAsync(
            new Side(Raw, () => ProduceAsync(service, batch, records, context.Duration)),
            new Side("growing file", () => Disk(batch.Length, isPreallocated: false, appends)),
            new Side("file written before", () => Disk(batch.Length, isPreallocated: true, appends)));
        var ours = results[Raw];
        return
        [
            .. new[] { ("growing file", Target.AtLeast(0.6)), ("file written before", Target.None) }.Select(one => new Figure(
                $"Kafka produce, raw driver, batches of 64 KiB, {Window} in flight, durable", "MB/s", ours.BytesPerSecond / 1e6,
                $"raw append + fdatasync, {one.Item1}", results[one.Item1].BytesPerSecond / 1e6, one.Item2).Costing(ours)),
        ];
    }

    private static async Task<LoadResult> ProduceAsync(Service service, byte[] batch, int records, TimeSpan duration)
    {
        var topic = string.Create(CultureInfo.InvariantCulture, $"raw-{Interlocked.Increment(ref _topics)}");
        await service.CreateTopicAsync(topic);
        var result = Load.Run(new LoadPlan(
            service.KafkaPort, 1, Window, _ => new KafkaProduceExchange(topic, 0, acks: -1, batch, records, (long)records * ValueBytes, Window))
        {
            Duration = duration,
            Driven = service.Process,
            DrivenAllocated = () => service.AllocatedBytes,
        });
        var stored = await service.CountRecordsAsync(topic);
        await service.DeleteTopicAsync(topic);
        return stored == result.Records
            ? result
            : throw new UnexpectedAnswerException($"{result.Records} records were acknowledged, {stored} are stored.");
    }

    private static Task<LoadResult> Disk(int batchBytes, bool isPreallocated, int appends)
    {
        var rate = RawDisk.BytesPerSecond(batchBytes, isPreallocated, appends);
        return Task.FromResult(new LoadResult(rate / batchBytes, rate, double.NaN, double.NaN, appends));
    }
}
