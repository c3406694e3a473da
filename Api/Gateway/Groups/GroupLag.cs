using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Groups;

/// <summary>Measures the lag of a group, in records and in seconds.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="groups">The groups.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="time">The clock, for the age of records.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="lost">Repeats reads that are lost.</param>
public sealed class GroupLag(
    AccessControl access, ConsumerGroups groups, TopicRoutes routes, TimeProvider time, NodeAnswers node, LostReads lost)
{
    /// <summary>Measures the lag in the topics that the caller may describe.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group does not exist.</exception>
    public async Task<MeasuredLag> MeasureAsync(Caller caller, string group, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Describe, group);
        var description = await groups.DescribeAsync(caller, group, cancellationToken);
        using var load = new AnswerLoad(node);
        return await MeasureAsync(caller, description, load, cancellationToken);
    }

    private async Task<MeasuredLag> MeasureAsync(Caller caller, GroupDescription group, AnswerLoad load, CancellationToken cancellationToken)
    {
        var committed = group.Offsets.ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        var owners = group.Members.SelectMany(member => member.Assigned.Select(partition => (partition, member.Member)))
            // Members that assign partitions among themselves may give one to two of them.
            .DistinctBy(pair => (pair.partition.TopicId, pair.partition.Partition))
            .ToDictionary(pair => (pair.partition.TopicId, pair.partition.Partition), pair => pair.Member);
        string[] topics = [.. group.Offsets.Select(offset => offset.Topic)
            .Concat(group.Members.SelectMany(member => member.Assigned.Concat(member.Target)).Select(partition => partition.Topic))
            .Distinct(StringComparer.Ordinal).Where(topic => access.Allows(caller, AccessOperations.Describe, ResourceKind.Topic, topic))
            .Order(StringComparer.Ordinal)];
        var measured = new List<MeasuredPartitionLag>();
        foreach (var topic in topics)
        {
            var description = await lost.RepeatAsync(() => routes.Router(topic).DescribeAsync(cancellationToken), cancellationToken);
            if (description.Topic is not { } metadata)
                continue;
            foreach (var some in description.Partitions.Chunk(PollLimits.LagReadsAtOnce))
            {
                measured.AddRange(await Task.WhenAll(some.Select(partition => MeasureAsync(
                    metadata, partition,
                    committed.TryGetValue((metadata.Id, partition.Partition), out var offset) ? offset : null,
                    owners.GetValueOrDefault((metadata.Id, partition.Partition)), load, cancellationToken))));
            }
        }

        return new MeasuredLag(measured.Sum(partition => partition.Records ?? 0), measured.Max(partition => partition.Seconds) ?? 0, measured);
    }

    private async Task<MeasuredPartitionLag> MeasureAsync(
        TopicMetadata topic, PartitionDescription partition, long? committed, string? owner, AnswerLoad load, CancellationToken cancellationToken)
    {
        var lag = new MeasuredPartitionLag(topic.Name, partition.Partition, owner, committed);
        if (partition.Error is not null)
            return lag;
        var next = Math.Max(committed ?? partition.LogStartOffset, partition.LogStartOffset);
        var count = Math.Max(0, partition.HighWatermark - next);
        return lag with
        {
            HighWatermark = partition.HighWatermark,
            Records = count,
            Seconds = count == 0 ? 0 : await AgeAsync(topic, partition.Partition, next, load, cancellationToken),
        };
    }

    /// <summary>The age of the record at an offset, in seconds; null when the record cannot be read.</summary>
    private async Task<double?> AgeAsync(TopicMetadata topic, int partition, long offset, AnswerLoad load, CancellationToken cancellationToken)
    {
        var request = new FetchRequest(offset, BytesMax: 1, WaitMs: 0) { TopicId = topic.Id };
        var response = await lost.RepeatAsync(() => routes.FetchAsync(topic.Name, partition, request, cancellationToken), cancellationToken);
        // Without memory for the record it counts as one that cannot be read.
        if (!load.TryTake(response.Batches.Length))
            return null;
        double? age = response.Error is null && TimestampAt(response.Batches.Span, offset) is { } timestampMs
            // Numbers, and not dates, because a timestamp may be beyond the range of a date.
            ? Math.Max(0, ((double)time.GetUtcNow().ToUnixTimeMilliseconds() - timestampMs) / 1000)
            : null;
        load.Return(response.Batches.Length);
        return age;
    }

    /// <summary>The time of the record at an offset, or of the first one behind it.</summary>
    /// <param name="batches">A stored batch; empty for none.</param>
    /// <param name="offset">The offset.</param>
    /// <returns>Milliseconds since the Unix epoch; null when the batch does not tell.</returns>
    public static long? TimestampAt(ReadOnlySpan<byte> batches, long offset)
    {
        if (batches.IsEmpty)
            return null;
        using var records = new StoredBatchReader(batches);
        while (records.TryReadNext(out var record))
        {
            if (record.Offset >= offset)
                return record.TimestampMs;
        }

        return records.UnreadableFrom(offset) is null ? null : records.Header.MaxTimestamp;
    }
}

/// <summary>The lag of a group.</summary>
/// <param name="Records">The count of records that are not committed, over all partitions.</param>
/// <param name="Seconds">The age of the oldest of them, in seconds; 0 when there is none.</param>
/// <param name="Partitions">The lag of each partition, by topic and partition.</param>
public sealed record MeasuredLag(long Records, double Seconds, IReadOnlyList<MeasuredPartitionLag> Partitions);

/// <summary>The lag of a group in a partition.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Member">The member that owns it; null when none does.</param>
/// <param name="CommittedOffset">The committed offset; null when there is none, and then all records count.</param>
public sealed record MeasuredPartitionLag(string Topic, int Partition, string? Member, long? CommittedOffset)
{
    /// <summary>The end of the log; null when it could not be read.</summary>
    public long? HighWatermark { get; init; }

    /// <summary>The count of records that are not committed; null without the end of the log.</summary>
    public long? Records { get; init; }

    /// <summary>The age of the oldest of them by its timestamp, in seconds; null when it could not be read.</summary>
    public double? Seconds { get; init; }
}
