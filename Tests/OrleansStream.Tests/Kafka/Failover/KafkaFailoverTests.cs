using System.Diagnostics;
using System.Globalization;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Kafka.Failover;

/// <summary>Kafka's clients go on while the silos of a real cluster, which are their brokers, are killed, paused, stopped and added.</summary>
public sealed class KafkaFailoverTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    /// <summary>The environment variable that sets how long there is trouble.</summary>
    private const string SecondsVariable = "ORLEANSSTREAM_KAFKA_SECONDS";

    private const string Topic = "clicks";
    private const int PartitionCount = 64;
    private const int SilosMax = 5;

    /// <summary>So many of the longest gaps are printed.</summary>
    private const int GapsShown = 6;

    private static readonly TimeSpan CalmTime = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan PauseTime = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan GapMax = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan SettlePatience = TimeSpan.FromMinutes(2);

    private static readonly LoadedGroup[] Groups =
    [
        new("cooperative", GroupProtocol.Classic, PartitionAssignmentStrategy.CooperativeSticky),
        new("range", GroupProtocol.Classic, PartitionAssignmentStrategy.Range),
        new("kip-848", GroupProtocol.Consumer, null),
    ];

    private readonly KafkaHistory _history = new();

    [Fact]
    public async Task Clients_WhenSilosAreKilledPausedAndAdded_LoseDoubleAndReorderNothing()
    {
        OnDemand.Require(OnDemand.ClusterTests);
        var seconds = int.TryParse(Environment.GetEnvironmentVariable(SecondsVariable), CultureInfo.InvariantCulture, out var set) ? set : 180;
        await using var cluster = await ClusterProcesses.StartBrokersAsync(azurite.ConnectionString, "kafka-failover", silos: 3);
        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = cluster.Bootstrap }).Build())
            await admin.CreateTopicsAsync([new TopicSpecification { Name = Topic, NumPartitions = PartitionCount, ReplicationFactor = 1 }]);

        await using var load = new KafkaLoad(cluster.Bootstrap, Topic, PartitionCount, Groups, membersEach: 4, _history);
        await Wait.UntilAsync("every group reads", () => Task.FromResult(_history.AckCount > 0 && Groups.All(group => _history.HasAll(group.Group))), SettlePatience);
        var began = Stopwatch.GetTimestamp();
        var events = await TroubleAsync(cluster, TimeSpan.FromSeconds(seconds));
        await load.StopProducingAsync();
        await Wait.UntilAsync("every group has been given every record", () => Task.FromResult(Groups.All(group => _history.HasAll(group.Group))), SettlePatience);
        await load.StopConsumingAsync();

        var findings = _history.Check(ReadLog(cluster.Bootstrap), await CommittedAsync(cluster.Bootstrap));
        var gaps = _history.FindGaps(Stopwatch.GetElapsedTime);
        Write($"seed {TestSeed.Value}, {seconds} s: {string.Join(", ", events.CountBy(name => name).Select(count => $"{count.Value} x {count.Key}"))}");
        Write($"{_history.AckCount} records acknowledged, {_history.ReadCount} read in {_history.TurnCount} turns, {_history.CommitCount} commits");
        foreach (var (who, longest) in gaps)
            Write($"{who}: {string.Join(", ", longest.Take(GapsShown).Select(gap => Tell(gap, began)))}");
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
        Assert.All(gaps.Values, longest => Assert.InRange(longest[0].Time, TimeSpan.Zero, GapMax));
    }

    private static string Tell(Gap gap, long began)
    {
        var from = Stopwatch.GetElapsedTime(began, gap.Began);
        return $"{gap.Time.TotalSeconds:F1} s (partition {gap.Partition}, {from.TotalSeconds:F1} to {(from + gap.Time).TotalSeconds:F1} s)";
    }

    private static async Task<List<string>> TroubleAsync(ClusterProcesses cluster, TimeSpan time)
    {
        var random = new Random(TestSeed.Value);
        var began = Stopwatch.GetTimestamp();
        var events = new List<string>();
        while (Stopwatch.GetElapsedTime(began) < time)
        {
            await Wait.ForAsync(CalmTime);
            var victim = cluster.Silos[random.Next(cluster.Silos.Count)];
            var what = random.GetItems(["killed", "paused", "added", "stopped"], 1)[0];
            switch (what)
            {
                case "killed":
                    await cluster.KillAsync(victim);
                    break;
                case "paused":
                    victim.Process.Signal(Signals.Suspend);
                    await Wait.ForAsync(PauseTime);
                    victim.Process.Signal(Signals.Continue);
                    break;
                case "stopped":
                    Assert.Equal(0, await cluster.StopAsync(victim));
                    break;
                default:
                    if (cluster.Silos.Count >= SilosMax)
                        continue;
                    await cluster.AddSiloAsync();
                    break;
            }

            events.Add(what);
            Write($"{Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s: {(what == "added" ? "a silo" : victim.ToString())} was {what}");
            // What was paused for too long may have been declared dead, and ends then.
            await cluster.ReplaceMissingAsync(silos: 3);
        }

        return events;
    }

    private static Dictionary<int, IReadOnlyList<long>> ReadLog(string bootstrap)
    {
        using var consumer = new ConsumerBuilder<Null, string>(new ConsumerConfig { BootstrapServers = bootstrap, GroupId = "log", EnableAutoCommit = false })
            .SetLogHandler((_, _) => { }).Build();
        var ends = Enumerable.Range(0, PartitionCount).ToDictionary(partition => partition, partition => FindEnd(consumer, partition));
        consumer.Assign(ends.Keys.Select(partition => new TopicPartitionOffset(Topic, partition, Offset.Beginning)));
        var log = ends.Keys.ToDictionary(partition => partition, _ => new List<long>());
        for (var left = ends.Values.Sum(); left > 0; left--)
        {
            var read = consumer.Consume(Wait.Patience) ?? throw new TimeoutException($"{left} records of the log did not come.");
            Assert.Equal(log[read.Partition.Value].Count, read.Offset.Value);
            log[read.Partition.Value].Add(long.Parse(read.Message.Value, CultureInfo.InvariantCulture));
        }

        return log.ToDictionary(partition => partition.Key, partition => (IReadOnlyList<long>)partition.Value);
    }

    // Partitions may still move. librdkafka then passes the leader's refusal on.
    private static long FindEnd(IConsumer<Null, string> consumer, int partition)
    {
        for (var began = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return consumer.QueryWatermarkOffsets(new TopicPartition(Topic, partition), Wait.Patience).High.Value;
            }
            catch (KafkaException exception) when (
                exception.Error.Code == Confluent.Kafka.ErrorCode.NotLeaderForPartition && Stopwatch.GetElapsedTime(began) < Wait.Patience)
            {
                // It asks for the leader anew.
            }
        }
    }

    private static async Task<Dictionary<(string Group, int Partition), long>> CommittedAsync(string bootstrap)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrap }).SetLogHandler((_, _) => { }).Build();
        var committed = new Dictionary<(string, int), long>();
        foreach (var group in Groups)
        {
            var told = await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(
                group.Group, [.. Enumerable.Range(0, PartitionCount).Select(partition => new TopicPartition(Topic, partition))])]);
            foreach (var offset in told[0].Partitions)
                committed[(group.Group, offset.Partition.Value)] = offset.Offset.Value;
        }

        return committed;
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);
}
