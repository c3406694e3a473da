using System.Diagnostics;
using Confluent.Kafka;
using OrleansStream.Comparison.Processes;

namespace OrleansStream.Comparison.Driving;

/// <summary>Load by Confluent.Kafka's producer, as a program uses it: records one by one, which the library makes batches of.</summary>
internal static class ClientProducer
{
    private const int BlockRecords = 1_000;
    private const int BlocksUnderWay = 80; // The library queues 100,000 records.
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FlushMax = TimeSpan.FromSeconds(60);

    /// <summary>Produces as fast as it goes.</summary>
    /// <param name="servers">The brokers; null for one of the library's own, in memory (<c>test.mock.num.brokers</c>).</param>
    /// <param name="topic">The topic.</param>
    /// <param name="acks">What an answer waits for.</param>
    /// <param name="value">Each record's value.</param>
    /// <param name="duration">How long.</param>
    /// <param name="driven">The brokers' process; null for one that is not watched.</param>
    /// <exception cref="UnexpectedAnswerException">A record was not stored.</exception>
    public static LoadResult Run(string? servers, string topic, Acks acks, byte[] value, TimeSpan duration, ChildProcess? driven)
    {
        var statistics = new ClientStatistics("Produce");
        using var room = new SemaphoreSlim(BlocksUnderWay);
        long delivered = 0;
        Error? failure = null;
        void Note(DeliveryReport<Null, byte[]> report)
        {
            if (report.Error.IsError)
                failure = report.Error;
            if (Interlocked.Increment(ref delivered) % BlockRecords == 0)
                room.Release();
        }

        using var producer = new ProducerBuilder<Null, byte[]>(ConfigOf(servers, acks))
            .SetStatisticsHandler((_, json) => statistics.Take(json))
            // The library tells that its mock broker is on. What fails is told by the reports.
            .SetLogHandler((_, _) => { })
            .Build();
        var message = new Message<Null, byte[]> { Value = value };
        long sent = 0;
        void ProduceFor(TimeSpan time)
        {
            for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < time && failure is null;)
            {
                if (!room.Wait(FlushMax))
                    throw new UnexpectedAnswerException($"No answer came in {FlushMax.TotalSeconds:F0} s.");
                for (var i = 0; i < BlockRecords; i++)
                    producer.Produce(topic, message, Note);
                sent += BlockRecords;
            }
        }

        ProduceFor(WarmUp);
        statistics.Restart();
        var driverMeter = UsageMeter.OfDriver();
        var drivenMeter = driven is null ? null : UsageMeter.Of(driven);
        var allocatedBefore = GC.GetTotalAllocatedBytes(precise: true);
        var (before, began) = (Interlocked.Read(ref delivered), Stopwatch.GetTimestamp());
        ProduceFor(duration);
        var counted = Interlocked.Read(ref delivered) - before;
        var rate = counted / Stopwatch.GetElapsedTime(began).TotalSeconds;
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - allocatedBefore;
        var (driverUsage, drivenUsage, requests) = (driverMeter.Read(), drivenMeter?.Read() ?? ProcessUsage.Unknown, statistics.RequestsPerSecond);
        producer.Flush(FlushMax);
        if (failure is not null || delivered != sent)
            throw new UnexpectedAnswerException($"{delivered} of {sent} records were acknowledged: {failure?.Reason}");
        return new LoadResult(rate, rate * value.Length, double.NaN, double.NaN, sent)
        {
            RequestsPerSecond = requests,
            AllocatedBytesPerRecord = driven is null ? double.NaN : (double)allocated / counted,
            Driver = driverUsage,
            Driven = drivenUsage,
        };
    }

    private static ProducerConfig ConfigOf(string? servers, Acks acks)
    {
        var config = new ProducerConfig
        {
            BootstrapServers = servers,
            Acks = acks,
            StatisticsIntervalMs = ClientStatistics.PeriodMs,
            DeliveryReportFields = "none",
        };
        if (servers is null)
            config.Set("test.mock.num.brokers", "1");
        return config;
    }
}
