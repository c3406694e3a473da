using System.Globalization;
using Confluent.Kafka;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// What a program with OrleansStream.Client sees, beside an HttpClient with the codec alone, and beside Confluent.Kafka over the Kafka endpoint:
/// rates, and the managed memory that a record costs the program.
/// </summary>
internal sealed class ClientRow : IRow
{
    private const string Own = "OrleansStream.Client";
    private const string Lists = "OrleansStream.Client, lists with results";
    private const string Group = "OrleansStream.Client, in a group";
    private const string GroupInJson = "OrleansStream.Client, in a group, in JSON";
    private const string Bare = "HttpClient and the codec";
    private const string Confluent = "Confluent.Kafka";
    private const int Partitions = 4;

    // The client's own default sizes.
    private const int BatchBytes = 256 * 1024;
    private const int AnswerBytes = 1024 * 1024;
    private const int ProducedBytesMax = 200;
    private const int ConsumedBytesMax = 150;

    // Small records come in as many bytes as large ones, so that what a reader needs to begin does not count. Readers that take some ten times as
    // long for each of them read fewer.
    private const int QuickReadBytes = 400 * 1024 * 1024;
    private const int ReadBytes = 3 * QuickReadBytes;
    private const double ShareMin = 0.9;

    private int _names;

    /// <inheritdoc/>
    public string Name => "client";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartWithKafkaAsync(folder.Path);
        var figures = new List<Figure>();
        foreach (var valueBytes in new[] { 1024, 100 })
        {
            var value = Protocols.SampleRecords.Text(valueBytes);
            figures.AddRange(await ProduceAsync(context, service, value));
            figures.AddRange(await ConsumeAsync(context, service, value));
        }

        return figures;
    }

    private async Task<IEnumerable<Figure>> ProduceAsync(RunContext context, Service service, byte[] value)
    {
        var results = await context.AlternateAsync(
            new Side(Own, () => OnTopicAsync(service, topic => StreamClientLoad.EnqueueAsync(service, topic, value, context.Duration))),
            new Side(Lists, () => OnTopicAsync(service, topic => StreamClientLoad.SendListsAsync(service, topic, value, context.Duration))),
            new Side(Bare, () => OnTopicAsync(
                service, topic => BareHttp.ProduceAsync(service, topic, Partitions, value, BatchBytes, context.Duration))),
            new Side(Confluent, () => OnTopicAsync(service, topic => Task.Run(() => ClientProducer.Run(
                $"127.0.0.1:{service.KafkaPort}", topic, Acks.All, value, context.Duration, service.Process)))));
        var path = $".NET client, produce, records of {value.Length} B, durable";
        return [.. Rates(path, results), .. Allocated(path, results, ProducedBytesMax)];
    }

    private async Task<IEnumerable<Figure>> ConsumeAsync(RunContext context, Service service, byte[] value)
    {
        var batch = (BatchBytes - 100) / (value.Length + 14);
        var batchesOfPartition = (context.IsQuick ? QuickReadBytes : ReadBytes) / Partitions / BatchBytes;
        var records = (long)batchesOfPartition * batch * Partitions;
        var recordsOfSlow = Math.Min(records, context.IsQuick ? QuickReadBytes / 1024 : ReadBytes / 1024);
        var topic = NewName();
        await service.CreateTopicAsync(topic, Partitions);
        var load = ProduceLoad.Encoded(value, batch);
        for (var partition = 0; partition < Partitions; partition++)
            Filler.Fill(Sides.Plan(service, topic, load, 1, partition), batchesOfPartition);
        var results = await context.AlternateAsync(
            new Side(Own, () => StreamClientLoad.ReadAsync(service, topic, records, value.Length)),
            new Side(Bare, () => BareHttp.FetchAsync(service, topic, Partitions, records, value.Length, AnswerBytes)),
            new Side(Group, () => StreamClientLoad.ConsumeAsync(service, topic, NewName(), records, value.Length)),
            new Side(GroupInJson, () => StreamClientLoad.ConsumeAsync(service, topic, NewName(), recordsOfSlow, value.Length, inJson: true)),
            new Side(Confluent, () => Task.Run(() => ClientConsumer.Run(
                service.KafkaPort, topic, Partitions, recordsOfSlow, value.Length, service.Process))));
        await service.DeleteTopicAsync(topic);
        var path = $".NET client, consume, records of {value.Length} B";
        return [.. Rates(path, results), .. Allocated(path, results, ConsumedBytesMax)];
    }

    private static IEnumerable<Figure> Rates(string path, Dictionary<string, LoadResult> results)
    {
        foreach (var (name, own) in results.Where(side => side.Key.StartsWith(Own, StringComparison.Ordinal)))
        {
            foreach (var other in new[] { Bare, Confluent })
            {
                var target = name == Own && other == Bare ? Target.AtLeast(ShareMin) : Target.None;
                yield return new Figure(
                    $"{path}{name[Own.Length..]}", "rec/s", own.RecordsPerSecond, other, results[other].RecordsPerSecond, target)
                {
                    Note = $"(cores of the program: {Figure.Show(own.Driver.Cores)} and {Figure.Show(results[other].Driver.Cores)})",
                };
            }
        }
    }

    // Beside the value: it is the program's own, and it is what the serializer makes of it.
    private static IEnumerable<Figure> Allocated(string path, Dictionary<string, LoadResult> results, double bytesMax) => results
        .Where(side => !double.IsNaN(side.Value.AllocatedBytesPerRecord))
        .Select(side => Figure.Alone(
            $"{path}, allocated a record: {side.Key}", "B", side.Value.AllocatedBytesPerRecord,
            side.Key.StartsWith(Own, StringComparison.Ordinal) ? Target.AtMost(bytesMax) : Target.None));

    private async Task<LoadResult> OnTopicAsync(Service service, Func<string, Task<LoadResult>> run)
    {
        var topic = NewName();
        await service.CreateTopicAsync(topic, Partitions);
        var result = await run(topic);
        var stored = await service.CountRecordsAsync(topic);
        await service.DeleteTopicAsync(topic);
        return stored == result.Records
            ? result
            : throw new UnexpectedAnswerException($"{result.Records} records were acknowledged, {stored} are stored.");
    }

    private string NewName() => string.Create(CultureInfo.InvariantCulture, $"client-{Interlocked.Increment(ref _names)}");
}
