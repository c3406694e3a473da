using System.Diagnostics;
using System.Text;
using OrleansStream.Cluster;
using OrleansStream.Groups;
using OrleansStream.Instrumentation;
using OrleansStream.Telemetry.Cluster;
using OrleansStream.Telemetry.Prometheus;

namespace OrleansStream.Tests.Telemetry;

/// <summary>Snapshots and their text by themselves: what is summed, what is left out, and how long many partitions take.</summary>
public sealed class KafkaExporterTextTests
{
    private static readonly SiloAddress Silo = SiloAddress.New(System.Net.IPAddress.Loopback, 11111, 1);

    [Fact]
    public void Lag_OfAGroupThatIsAheadOrBelowTheLogStart_IsNeverNegative()
    {
        var id = Guid.NewGuid();
        var snapshot = Build(id, "t", [new(0, 0, 5), new(1, 4, 9), new(2, 0, 3)], [new("t", id, 0, 7), new("t", id, 1, 1)]);

        var partitions = Assert.Single(Assert.Single(snapshot.Groups).Topics).Partitions;
        Assert.Equal([0, 5, null], partitions.Select(partition => partition.Lag));
        Assert.Equal([7, 1, null], partitions.Select(partition => partition.Committed));
        Assert.Equal(5, snapshot.Groups[0].Topics[0].Lag);
    }

    [Fact]
    public void Offsets_OfATopicThatWasMadeAnew_AreNotThoseOfTheOldOne()
    {
        var snapshot = Build(Guid.NewGuid(), "t", [new(0, 0, 5)], [new("t", Guid.NewGuid(), 0, 7)]);

        Assert.Empty(Assert.Single(snapshot.Groups).Topics);
    }

    [Fact]
    public void Write_OfStrangeNames_EscapesThem()
    {
        var text = new PrometheusText(seriesMax: 10);
        text.Begin("m", "Says something.");
        text.Write(1.5, ("a", "q\"b\\s\nn"), ("empty", ""));

        var sample = Assert.Single(PrometheusSamples.Parse(Encoding.UTF8.GetString(text.ToBytes())));
        Assert.Equal(("q\"b\\s\nn", 1, 1.5), (sample.Labels["a"], sample.Labels.Count, sample.Value));
    }

    [Fact]
    public void Write_OfMoreSeriesThanAllowed_LeavesThemOutAndSaysSo()
    {
        var id = Guid.NewGuid();
        var snapshot = Build(id, "t", [.. Enumerable.Range(0, 20).Select(partition => new MeasuredPartition(partition, 0, 1))], []);

        var samples = PrometheusSamples.Parse(Encoding.UTF8.GetString(new KafkaExporterText(new MeasuredTopics(["t"])).Write(snapshot, seriesMax: 5)));
        Assert.Equal(5, samples.Count(sample => sample.Name == "kafka_topic_partition_current_offset"));
        Assert.True(samples.Single(sample => sample.Name == "orleansstream_kafka_series_left_out").Value >= 15);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("none")]
    public void BuildAndWrite_Of10000PartitionsAnd500Groups_TakesLessThanASecond(string measured)
    {
        var topics = Enumerable.Range(0, 1_000).ToDictionary(i => $"topic-{i}", _ => Guid.NewGuid());
        var silo = new SiloMeasurement(new BrokerAddress(1, "localhost", 9092), 1, [.. topics.Select(topic => new MeasuredTopic(
            topic.Value, topic.Key, 10, [.. Enumerable.Range(0, 10).Select(partition => new MeasuredPartition(partition, 0, 100))]))]);
        List<(string, GroupMeasurement)> groups = [.. Enumerable.Range(0, 500).Select(i => ($"group-{i}", new GroupMeasurement(
            3, [.. Enumerable.Range(0, 20).Select(p => new MeasuredOffset($"topic-{i}", topics[$"topic-{i}"], p % 10, 50)).DistinctBy(one => one.Partition)])))];

        var clock = Stopwatch.StartNew();
        var led = new LedTable([Silo], [silo]);
        var snapshot = new SnapshotBuilder(led, led.Bounds, topics).Build(0, groups, new Dictionary<RecordPlace, long?>(), 0);
        var text = new KafkaExporterText(new MeasuredTopics([measured])).Write(snapshot);
        clock.Stop();

        Assert.True(text.Length > 100_000);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(1), $"{clock.Elapsed}");
    }

    private static ClusterSnapshot Build(Guid id, string topic, MeasuredPartition[] partitions, MeasuredOffset[] offsets)
    {
        var led = new LedTable([Silo], [new SiloMeasurement(null, 1, [new MeasuredTopic(id, topic, partitions.Length, [.. partitions])])]);
        List<(string, GroupMeasurement)> groups = [("g", new GroupMeasurement(1, [.. offsets]))];
        return new SnapshotBuilder(led, led.Bounds, new Dictionary<string, Guid> { [topic] = id }).Build(
            0, groups, new Dictionary<RecordPlace, long?>(), 0);
    }
}
