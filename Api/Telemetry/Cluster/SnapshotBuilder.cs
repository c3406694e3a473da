using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Telemetry.Cluster;

/// <summary>Makes a snapshot of what silos and groups answered. Computes only.</summary>
/// <param name="led">What the silos answered.</param>
/// <param name="bounds">The bounds of all partitions, as they were last seen.</param>
/// <param name="topics">The ids of the topics, by name.</param>
internal sealed class SnapshotBuilder(
    LedTable led, IReadOnlyDictionary<PartitionKey, (long Start, long End)> bounds, IReadOnlyDictionary<string, Guid> topics)
{
    /// <summary>The places of the records whose age is the age of a group's lag.</summary>
    /// <param name="groups">The groups.</param>
    public HashSet<RecordPlace> WantedAges(IReadOnlyList<(string Name, GroupMeasurement Measured)> groups) =>
    [
        .. groups.SelectMany(group => group.Measured.Offsets).Where(IsOfTopic)
            .Select(FindNext).OfType<RecordPlace>(),
    ];

    /// <summary>Makes the snapshot.</summary>
    /// <param name="takenAt">The time of it, as a timestamp of the clock.</param>
    /// <param name="groups">The groups, by name.</param>
    /// <param name="times">The times of the records of <see cref="WantedAges"/>, as far as they were read.</param>
    /// <param name="nowMs">The time now, in milliseconds since the Unix epoch.</param>
    public ClusterSnapshot Build(
        long takenAt, IReadOnlyList<(string Name, GroupMeasurement Measured)> groups, IReadOnlyDictionary<RecordPlace, long?> times, long nowMs)
    {
        var ofTopic = bounds.GroupBy(one => one.Key.TopicId).ToDictionary(
            one => one.Key,
            one => one.OrderBy(partition => partition.Key.Partition).Select(partition => led.Describe(partition.Key, partition.Value)).ToArray());
        TopicSnapshot[] described = [.. topics.OrderBy(topic => topic.Key, StringComparer.Ordinal).Select(topic =>
        {
            var partitions = ofTopic.GetValueOrDefault(topic.Value, []);
            var count = Math.Max(led.PartitionCounts.GetValueOrDefault(topic.Value), partitions.Length == 0 ? 0 : partitions[^1].Partition + 1);
            return new TopicSnapshot(topic.Value, topic.Key, count, partitions);
        })];
        var counts = described.ToDictionary(topic => topic.Id, topic => topic.PartitionCount);
        GroupSnapshot[] members = [.. groups.Select(group => new GroupSnapshot(
            group.Name, group.Measured.MemberCount,
            [
                .. group.Measured.Offsets.Where(IsOfTopic).GroupBy(offset => offset.Topic, StringComparer.Ordinal)
                    .OrderBy(topic => topic.Key, StringComparer.Ordinal)
                    .Select(topic => new GroupTopicSnapshot(topic.Key, [.. PartitionsOf(topic, counts, times, nowMs)])),
            ]))];
        return new ClusterSnapshot(takenAt, led.SiloCount, led.Brokers, led.ReplicationFactor, described, members);
    }

    private IEnumerable<GroupPartitionSnapshot> PartitionsOf(
        IEnumerable<MeasuredOffset> offsets, Dictionary<Guid, int> counts, IReadOnlyDictionary<RecordPlace, long?> times, long nowMs)
    {
        var committed = offsets.ToDictionary(offset => offset.Partition);
        var count = Math.Max(counts[committed.Values.First().TopicId], committed.Keys.Max() + 1);
        for (var partition = 0; partition < count; partition++)
        {
            yield return committed.TryGetValue(partition, out var offset)
                ? Measure(offset, times, nowMs)
                : new GroupPartitionSnapshot(partition, Committed: null, Lag: null);
        }
    }

    private GroupPartitionSnapshot Measure(in MeasuredOffset offset, IReadOnlyDictionary<RecordPlace, long?> times, long nowMs)
    {
        if (!bounds.TryGetValue(new PartitionKey(offset.TopicId, offset.Partition), out var log))
            return new GroupPartitionSnapshot(offset.Partition, offset.Offset, Lag: null);
        // The group was asked after the silos, so it may be ahead of what they said. And what retention has deleted nobody is behind with.
        var lag = Math.Max(0, log.End - Math.Max(offset.Offset, log.Start));
        var timestampMs = FindNext(offset) is { } next && times.TryGetValue(next, out var found) ? found : null;
        return new GroupPartitionSnapshot(offset.Partition, offset.Offset, lag)
        {
            LagSeconds = timestampMs is { } ms ? Math.Max(0, ((double)nowMs - ms) / 1000) : null,
        };
    }

    private RecordPlace? FindNext(MeasuredOffset offset)
    {
        if (!bounds.TryGetValue(new PartitionKey(offset.TopicId, offset.Partition), out var log))
            return null;
        var next = Math.Max(offset.Offset, log.Start);
        return next < log.End ? new RecordPlace(offset.Topic, offset.TopicId, offset.Partition, next) : null;
    }

    // A topic of the same name that was deleted and created again is another one.
    private bool IsOfTopic(MeasuredOffset offset) => topics.TryGetValue(offset.Topic, out var id) && id == offset.TopicId;
}
