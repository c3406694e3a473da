using System.Diagnostics;
using Confluent.Kafka;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>Load by Confluent.Kafka's consumer, as a program uses it: records one by one, of partitions that it was told.</summary>
internal static class ClientConsumer
{
    private static readonly TimeSpan RecordMax = TimeSpan.FromSeconds(30);

    /// <summary>Reads from the start of each partition, as fast as it goes.</summary>
    /// <param name="port">Where the broker listens on this machine.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="partitions">Its partitions.</param>
    /// <param name="records">How many records; the first tenth does not count.</param>
    /// <param name="valueBytes">The length that each must have.</param>
    /// <param name="driven">The broker's process.</param>
    /// <exception cref="UnexpectedAnswerException">A record did not come, or is not the next one of its partition.</exception>
    public static LoadResult Run(int port, string topic, int partitions, long records, int valueBytes, ChildProcess driven)
    {
        var statistics = new ClientStatistics("Fetch");
        using var consumer = new ConsumerBuilder<Ignore, byte[]>(new ConsumerConfig
        {
            BootstrapServers = $"127.0.0.1:{port}",
            GroupId = "comparison",
            EnableAutoCommit = false,
            EnableAutoOffsetStore = false,
            StatisticsIntervalMs = ClientStatistics.PeriodMs,
        }).SetStatisticsHandler((_, json) => statistics.Take(json)).Build();
        consumer.Assign(Enumerable.Range(0, partitions).Select(partition => new TopicPartitionOffset(topic, partition, 0)));
        var next = new long[partitions];
        void Consume(long count)
        {
            for (; count > 0; count--)
            {
                var read = consumer.Consume(RecordMax) ?? throw new UnexpectedAnswerException($"No record came in {RecordMax.TotalSeconds:F0} s.");
                if (read.Offset != next[read.Partition]++ || read.Message.Value.Length != valueBytes)
                    throw new UnexpectedAnswerException($"{read.TopicPartitionOffset} came in place of offset {next[read.Partition] - 1}.");
            }
        }

        var counted = records - (records / 10);
        Consume(records - counted);
        statistics.Restart();
        var driverMeter = UsageMeter.OfDriver();
        var drivenMeter = UsageMeter.Of(driven);
        var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        var began = Stopwatch.GetTimestamp();
        Consume(counted);
        var rate = counted / Stopwatch.GetElapsedTime(began).TotalSeconds;
        return new LoadResult(rate, rate * valueBytes, double.NaN, double.NaN, records)
        {
            RequestsPerSecond = statistics.RequestsPerSecond,
            AllocatedBytesPerRecord = (double)(GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore) / counted,
            Driver = driverMeter.Read(),
            Driven = drivenMeter.Read(),
        };
    }
}
