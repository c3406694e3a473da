using System.Globalization;
using OrleansStream.Telemetry.Cluster;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Telemetry;

/// <summary>What Prometheus is told, of a process and of the cluster.</summary>
public sealed class MetricsTests(MetricsFixture metrics) : IClassFixture<MetricsFixture>
{
    [Fact]
    public void Cluster_OfATopicWhosePartitionsAreMeasured_TellsEach()
    {
        (string, string)[] Partition(int number) => [("topic", MetricsFixture.Parted), ("partition", $"{number}")];
        Assert.Equal(3, metrics.Value("kafka_topic_partition_current_offset", Partition(2)));
        Assert.Equal(0, metrics.Value("kafka_topic_partition_oldest_offset", Partition(0)));
        Assert.Equal(1, metrics.Value("kafka_topic_partition_leader_is_preferred", Partition(0)));
        Assert.Equal(
            double.Parse(metrics.Last.Single(sample => sample.Name == "kafka_broker_info").Labels["id"], CultureInfo.InvariantCulture), metrics.Value("kafka_topic_partition_leader", Partition(0)));
        // One copy, as it is: the store is this process's memory.
        Assert.Equal(1, metrics.Value("kafka_topic_partition_replicas", Partition(0)));
        Assert.Equal(0, metrics.Value("kafka_topic_partition_under_replicated_partition", Partition(0)));
        (string, string)[] Of(int number) => [.. Partition(number), ("consumergroup", MetricsFixture.Group)];
        Assert.Equal((2, 1), (metrics.Value("kafka_consumergroup_current_offset", Of(0)), metrics.Value("kafka_consumergroup_lag", Of(0))));
        // Nothing was committed there.
        Assert.Equal((-1, -1), (metrics.Value("kafka_consumergroup_current_offset", Of(2)), metrics.Value("kafka_consumergroup_lag", Of(2))));
    }

    [Theory]
    [InlineData(MetricsFixture.Parted)]
    [InlineData(MetricsFixture.Summed)]
    public void Cluster_OfAnyTopic_TellsItsSums(string topic)
    {
        Assert.Equal(1, metrics.Value("kafka_brokers"));
        Assert.Equal(3, metrics.Value("kafka_topic_partitions", ("topic", topic)));
        (string, string)[] of = [("topic", topic), ("consumergroup", MetricsFixture.Group)];
        Assert.Equal(2, metrics.Value("kafka_consumergroup_lag_sum", of));
        Assert.Equal(3, metrics.Value("kafka_consumergroup_current_offset_sum", of));
        Assert.InRange(metrics.Value("kafka_consumergroup_lag_seconds", of)!.Value, 0, 600);
        Assert.Equal(0, metrics.Value("kafka_consumergroup_members", ("consumergroup", MetricsFixture.Group)));
    }

    [Fact]
    public void Cluster_OfATopicWhosePartitionsAreNotMeasured_TellsTheirSum()
    {
        Assert.Equal(9, metrics.Value("kafka_topic_partition_current_offset", ("topic", MetricsFixture.Summed)));
        Assert.Equal(2, metrics.Value("kafka_consumergroup_lag", ("topic", MetricsFixture.Summed), ("consumergroup", MetricsFixture.Group)));
        Assert.DoesNotContain(metrics.Last, sample => sample.Labels.GetValueOrDefault("topic") == MetricsFixture.Summed && sample.Labels.ContainsKey("partition"));
    }

    [Fact]
    public void Process_TellsItsTopicsAndTheLagOfGroups()
    {
        Assert.Equal(9, Process("orleansstream_topic_records_in_total", MetricsFixture.Summed));
        Assert.Equal(3, Process("orleansstream_topic_records_in_total", MetricsFixture.Parted, ("messaging_destination_partition_id", "1")));
        Assert.Equal(2, Process("orleansstream_group_lag", MetricsFixture.Summed, ("messaging_consumer_group_name", MetricsFixture.Group)));
        Assert.True(metrics.Last.Single(sample => sample.Name == "orleansstream_commit_appends_count").Value >= 6);
        Assert.Contains(metrics.Last, sample => sample.Name == "orleansstream_log_reads_total" && sample.Labels["source"] == "tail");
    }

    [Fact]
    public async Task Process_OfAGroupThatIsGone_TellsNothingMore()
    {
        const string group = "passing";
        using (var put = await metrics.Api.Client.PutAsync(
            $"/v1/groups/{group}/offsets", ApiFixture.Json($$"""{"offsets":[{"topic":"{{MetricsFixture.Summed}}","partition":0,"offset":0}]}""")))
        {
            Assert.True(put.IsSuccessStatusCode);
        }

        Assert.Contains((await metrics.ScrapeAsync(0)).Samples, IsOfIt);
        using (var deleted = await metrics.Api.Client.DeleteAsync($"/v1/groups/{group}"))
            Assert.True(deleted.IsSuccessStatusCode);

        Assert.DoesNotContain((await metrics.ScrapeAsync(0)).Samples, IsOfIt);

        static bool IsOfIt(PrometheusSample sample) => sample.Labels.Values.Contains(group);
    }

    [Fact]
    public async Task Snapshots_WithinTheirAge_AreShared()
    {
        await using var api = new ApiFixture(TimeProvider.System);
        await api.InitializeAsync();
        var snapshots = api.Part<ClusterSnapshots>();
        var first = await snapshots.GetAsync(TestContext.Current.CancellationToken);

        Assert.Same(first, await snapshots.GetAsync(TestContext.Current.CancellationToken));
        snapshots.AgeMax = TimeSpan.Zero;
        Assert.NotSame(first, await snapshots.GetAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Snapshots_OfMoreGroupsThanOneAsks_GoOnAndRememberTheOthers()
    {
        await using var api = new ApiFixture(TimeProvider.System);
        await api.InitializeAsync();
        var topic = await api.CreateTopicAsync();
        string[] groups = ["a", "b", "c"];
        foreach (var group in groups)
            await CommitAsync(group, offset: 0);
        var snapshots = api.Part<ClusterSnapshots>();
        (snapshots.AgeMax, snapshots.GroupsMax) = (TimeSpan.Zero, 2);

        Assert.Equal(["a", "b"], await NamesAsync());
        Assert.Equal(groups, await NamesAsync());
        // The next one asks b and c, and tells of a what was told before.
        using (var deleted = await api.Client.DeleteAsync("/v1/groups/b", TestContext.Current.CancellationToken))
            Assert.True(deleted.IsSuccessStatusCode);
        Assert.Equal(["a", "c"], await NamesAsync());

        async Task<string[]> NamesAsync() =>
            [.. (await snapshots.GetAsync(TestContext.Current.CancellationToken)).Groups.Select(group => group.Name)];

        async Task CommitAsync(string group, long offset)
        {
            using var put = await api.Client.PutAsync(
                $"/v1/groups/{group}/offsets", ApiFixture.Json($$"""{"offsets":[{"topic":"{{topic}}","partition":0,"offset":{{offset}}}]}"""));
            Assert.True(put.IsSuccessStatusCode);
        }
    }

    private double? Process(string name, string topic, params (string, string)[] others) =>
        metrics.Last.SingleOrDefault(sample => sample.Name == name && sample.Labels["messaging_destination_name"] == topic
            && others.All(other => sample.Labels.GetValueOrDefault(other.Item1) == other.Item2))?.Value;
}
