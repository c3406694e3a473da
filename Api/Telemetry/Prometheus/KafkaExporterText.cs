using System.Globalization;
using OrleansStream.Instrumentation;
using OrleansStream.Telemetry.Cluster;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>
/// Writes a snapshot of the cluster under the names of kafka_exporter (https://github.com/danielqsj/kafka_exporter), which the dashboards and alerts
/// of Kafka's users query.
/// </summary>
/// <remarks>
/// As there, a partition in which a group has committed nothing has offset -1 and lag -1; <c>lag_sum</c> leaves it out, <c>current_offset_sum</c>
/// adds it. Unlike there, a lag is never negative otherwise. A topic whose partitions are not measured by themselves has one series without the label
/// <c>partition</c>: the sum of its partitions, so that sums over topics and groups stay the same.
/// </remarks>
/// <param name="measured">The topics of which each partition is measured.</param>
internal sealed class KafkaExporterText(MeasuredTopics measured)
{
    private const string Topic = "topic", Partition = "partition", Group = "consumergroup";

    /// <summary>Writes a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="seriesMax">The most series of one metric.</param>
    public byte[] Write(ClusterSnapshot snapshot, int seriesMax = TelemetryLimits.ClusterSeriesMax)
    {
        var text = new PrometheusText(seriesMax);
        text.Begin("kafka_brokers", "Silos that serve Kafka clients.");
        text.Write(snapshot.Brokers.Count);
        text.Begin("kafka_broker_info", "Where Kafka clients reach a broker.");
        foreach (var broker in snapshot.Brokers)
            text.Write(1, ("id", Text(broker.NodeId)), ("address", $"{broker.Host}:{broker.Port}"));
        text.Begin("kafka_topic_partitions", "Partitions of a topic.");
        foreach (var topic in snapshot.Topics)
            text.Write(topic.PartitionCount, (Topic, topic.Name));
        WritePartitions(text, snapshot);
        WriteGroups(text, snapshot);
        text.Begin("orleansstream_kafka_series_left_out", "Series that are not told, because there are too many.");
        text.Write(text.LeftOutCount);
        return text.ToBytes();
    }

    private void WritePartitions(PrometheusText text, ClusterSnapshot snapshot)
    {
        const string p = "kafka_topic_partition_";
        Each(p + "current_offset", "The end of the log: the offset of the next record.", partition => partition.HighWatermark);
        Each(p + "oldest_offset", "The first offset that the log holds.", partition => partition.LogStartOffset);
        Single(p + "leader", "The id of the broker that leads the partition.", partition => partition.LeaderId);
        Single(p + "leader_is_preferred", "1 when the silo leads the partition that is to lead it.",
            partition => partition.IsPreferred is { } isPreferred ? (isPreferred ? 1 : 0) : null);
        Same(p + "replicas", "Copies of each byte that the store keeps.", snapshot.ReplicationFactor);
        Same(p + "in_sync_replica", "Copies that have every acknowledged record: all of them.", snapshot.ReplicationFactor);
        Same(p + "under_replicated_partition", "0: a record is acknowledged when all copies have it.", 0);

        // A number of each partition, or the topic's sum.
        void Each(string name, string help, Func<PartitionSnapshot, double> read)
        {
            text.Begin(name, help);
            foreach (var topic in snapshot.Topics.Where(topic => topic.Partitions.Count > 0))
            {
                if (!measured.HasPartitions(topic.Name))
                {
                    text.Write(topic.Partitions.Sum(read), (Topic, topic.Name));
                    continue;
                }

                foreach (var partition in topic.Partitions)
                    text.Write(read(partition), (Partition, Text(partition.Partition)), (Topic, topic.Name));
            }
        }

        // What has no sum: only where each partition is measured.
        void Single(string name, string help, Func<PartitionSnapshot, int?> read)
        {
            text.Begin(name, help);
            foreach (var topic in snapshot.Topics.Where(topic => measured.HasPartitions(topic.Name)))
            {
                foreach (var partition in topic.Partitions)
                {
                    if (read(partition) is { } value)
                        text.Write(value, (Partition, Text(partition.Partition)), (Topic, topic.Name));
                }
            }
        }

        // What is the same for all partitions.
        void Same(string name, string help, int value)
        {
            text.Begin(name, help);
            foreach (var topic in snapshot.Topics.Where(topic => topic.Partitions.Count > 0))
            {
                if (!measured.HasPartitions(topic.Name))
                {
                    text.Write(value, (Topic, topic.Name));
                    continue;
                }

                foreach (var partition in topic.Partitions)
                    text.Write(value, (Partition, Text(partition.Partition)), (Topic, topic.Name));
            }
        }
    }

    private void WriteGroups(PrometheusText text, ClusterSnapshot snapshot)
    {
        const string g = "kafka_consumergroup_";
        Each(g + "current_offset", "The committed offset; -1 for none.", partition => partition.Committed ?? -1, addsMissing: true);
        Sum(g + "current_offset_sum", "The sum of the committed offsets.", topic => topic.Partitions.Sum(partition => partition.Committed ?? -1));
        Each(g + "lag", "Records that are not committed; -1 without a commit.",
            partition => partition.Committed is null ? -1 : partition.Lag, addsMissing: false);
        Sum(g + "lag_sum", "Records that are not committed, over all partitions with a commit.", topic => topic.Lag);
        Sum(g + "lag_seconds", "The age of the oldest record that is not committed, in seconds (not a name of kafka_exporter).",
            topic => topic.Lag == 0 ? 0 : topic.LagSeconds);
        text.Begin(g + "members", "Members of a group.");
        foreach (var group in snapshot.Groups)
            text.Write(group.MemberCount, (Group, group.Name));

        void Each(string name, string help, Func<GroupPartitionSnapshot, double?> read, bool addsMissing)
        {
            text.Begin(name, help);
            foreach (var (group, topic) in snapshot.Groups.SelectMany(group => group.Topics.Select(topic => (group, topic))))
            {
                if (!measured.HasPartitions(topic.Topic))
                {
                    text.Write(
                        topic.Partitions.Where(partition => addsMissing || partition.Committed is not null).Sum(partition => read(partition) ?? 0),
                        (Group, group.Name), (Topic, topic.Topic));
                    continue;
                }

                foreach (var partition in topic.Partitions)
                {
                    if (read(partition) is { } value)
                        text.Write(value, (Group, group.Name), (Partition, Text(partition.Partition)), (Topic, topic.Topic));
                }
            }
        }

        void Sum(string name, string help, Func<GroupTopicSnapshot, double?> read)
        {
            text.Begin(name, help);
            foreach (var (group, topic) in snapshot.Groups.SelectMany(group => group.Topics.Select(topic => (group, topic))))
            {
                if (read(topic) is { } value)
                    text.Write(value, (Group, group.Name), (Topic, topic.Topic));
            }
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
