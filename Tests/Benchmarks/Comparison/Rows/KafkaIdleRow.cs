using System.Diagnostics;
using Confluent.Kafka;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;

namespace OrleansStream.Comparison.Rows;

/// <summary>
/// What Kafka's clients cost that ask for little: idle connections, a consumer of many partitions without news; and the list of many partitions.
/// </summary>
internal sealed class KafkaIdleRow : IRow
{
    private const int Connections = 1_000;
    private const int Topics = 10;
    private const int MetadataRequests = 20;

    /// <inheritdoc/>
    public string Name => "kafka-idle";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<Figure>> RunAsync(RunContext context)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsShippedAsync(Repository.Api, folder.Path);
        await ManyPartitionsRow.CreateTopicsAsync(service, Topics);
        ManyPartitionsRow.Touch(service, 0, 1);
        var alone = await IdleUsage.MeasureAsync(service, context);

        var connections = new List<KafkaConnection>();
        try
        {
            for (var i = 0; i < Connections; i++)
            {
                connections.Add(new KafkaConnection(service.KafkaPort));
                connections[i].Send(KafkaCalls.FetchNothingRequest(i));
                connections[i].Receive();
            }

            var connected = await IdleUsage.MeasureAsync(service, context);
            var (metadataMs, metadataUs, metadataBytes) = ListAll(service, connections[0]);
            var listed = service.Process.ResidentBytes / 1e6;
            var (consuming, client) = await ConsumeAsync(service, context);
            return
            [
                More($"{Connections:N0} idle Kafka connections", connected, alone),
                Figure.Alone($"{Connections:N0} idle Kafka connections: memory more", "MB", connected.Megabytes - alone.Megabytes, Target.None),
                Figure.Alone("Metadata of 10,000 partitions: p50", "ms", metadataMs, Target.None) with
                {
                    Note = $"({Figure.Show(metadataBytes / 1e3)} kB; {Figure.Show(metadataUs / 1e3)} ms of processor time; "
                        + $"{Figure.Show(listed)} MB held afterwards)",
                },
                More($"one consumer over {ManyPartitionsRow.PartitionsOfTopic:N0} partitions without news", consuming, connected),
                Figure.Alone(
                    $"one consumer over {ManyPartitionsRow.PartitionsOfTopic:N0} partitions: memory more", "MB", consuming.Megabytes - listed, Target.None) with
                {
                    Note = $"(the client itself takes {Figure.Show(100 * client.Cores)} % of a core)",
                },
            ];
        }
        finally
        {
            connections.ForEach(connection => connection.Dispose());
        }
    }

    private static Figure More(string what, IdleUsage usage, IdleUsage before) =>
        Figure.Alone($"{what}: processor more", "% of a core", Math.Max(0, usage.Percent - before.Percent), Target.AtMost(1)) with
        {
            Note = $"({Figure.Show(usage.Percent)} in place of {Figure.Show(before.Percent)} %; {Figure.Show(usage.Usage.SwitchesPerSecond)} "
                + $"in place of {Figure.Show(before.Usage.SwitchesPerSecond)} switches a second)",
        };

    private static (double Ms, double ProcessorUs, int Bytes) ListAll(Service service, KafkaConnection connection)
    {
        var times = new double[MetadataRequests];
        var bytes = 0;
        // Round -1 does not count: what runs for the first time is still being compiled.
        var meter = UsageMeter.Of(service.Process);
        var began = Stopwatch.GetTimestamp();
        for (var i = -1; i < MetadataRequests; i++)
        {
            if (i == 0)
                (meter, began) = (UsageMeter.Of(service.Process), Stopwatch.GetTimestamp());
            var asked = Stopwatch.GetTimestamp();
            connection.Send(KafkaCalls.MetadataRequest(i));
            var answer = connection.Receive();
            var partitions = KafkaCalls.CountPartitions(answer);
            if (partitions < Topics * ManyPartitionsRow.PartitionsOfTopic)
                throw new UnexpectedAnswerException($"{partitions} partitions are listed.");
            if (i >= 0)
                times[i] = Stopwatch.GetElapsedTime(asked).TotalMilliseconds;
            bytes = answer.Length;
        }

        var requestsPerSecond = MetadataRequests / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return (Statistics.Median(times), meter.Read().Per(requestsPerSecond).ProcessorUs, bytes);
    }

    private static async Task<(IdleUsage Service, ProcessUsage Client)> ConsumeAsync(Service service, RunContext context)
    {
        using var consumer = new ConsumerBuilder<Ignore, Ignore>(new ConsumerConfig
        {
            BootstrapServers = $"127.0.0.1:{service.KafkaPort}", GroupId = "idle", EnableAutoCommit = false,
        }).Build();
        consumer.Assign(Enumerable.Range(0, ManyPartitionsRow.PartitionsOfTopic)
            .Select(partition => new TopicPartitionOffset("many-0", partition, 0)));
        for (var partition = 0; partition < ManyPartitionsRow.PartitionsOfTopic; partition++)
        {
            if (consumer.Consume(TimeSpan.FromSeconds(30)) is null)
                throw new UnexpectedAnswerException($"{partition} of {ManyPartitionsRow.PartitionsOfTopic} partitions gave their record.");
        }

        var meter = UsageMeter.OfDriver();
        var usage = await IdleUsage.MeasureAsync(service, context);
        return (usage, meter.Read());
    }
}
