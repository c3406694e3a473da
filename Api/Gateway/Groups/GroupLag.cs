using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Groups;

/// <summary>Measures how far a group is behind, in records and in seconds.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="groups">The groups.</param>
/// <param name="routes">The way to topics.</param>
/// <param name="time">Tells the age of records.</param>
/// <param name="node">The node's memory for answers.</param>
public sealed class GroupLag(AccessControl access, ConsumerGroups groups, TopicRoutes routes, TimeProvider time, NodeAnswers node)
{
    /// <summary>Measures, in the topics that the caller may describe.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">There is no such group.</exception>
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
            .ToDictionary(pair => (pair.partition.TopicId, pair.partition.Partition), pair => pair.Member);
        string[] topics = [.. group.Offsets.Select(offset => offset.Topic)
            .Concat(group.Members.SelectMany(member => member.Assigned.Concat(member.Target)).Select(partition => partition.Topic))
            .Distinct(StringComparer.Ordinal).Where(topic => access.Allows(caller, AccessOperations.Describe, ResourceKind.Topic, topic))
            .Order(StringComparer.Ordinal)];
        var measured = new List<MeasuredPartitionLag>();
        foreach (var topic in topics)
        {
            var description = await routes.Router(topic).DescribeAsync(cancellationToken);
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

    /// <summary>The age of the record at an offset, in seconds; null when it cannot be read just now.</summary>
    private async Task<double?> AgeAsync(TopicMetadata topic, int partition, long offset, AnswerLoad load, CancellationToken cancellationToken)
    {
        var request = new FetchRequest(offset, BytesMax: 1, WaitMs: 0) { TopicId = topic.Id };
        var response = await routes.FetchAsync(topic.Name, partition, request, cancellationToken);
        // What has no memory just now cannot be read just now.
        if (!load.TryTake(response.Batches.Length))
            return null;
        double? age = response.Error is null && TimestampAt(response.Batches.Span, offset) is { } timestampMs
            // No date: a record's timestamp may be beyond all that a calendar knows.
            ? Math.Max(0, ((double)time.GetUtcNow().ToUnixTimeMilliseconds() - timestampMs) / 1000)
            : null;
        load.Return(response.Batches.Length);
        return age;
    }

    private static long? TimestampAt(ReadOnlySpan<byte> batches, long offset)
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

/// <summary>How far a group is behind.</summary>
/// <param name="Records">The records that are not committed, over all partitions.</param>
/// <param name="Seconds">The age of the oldest of them, in seconds; 0 when there is none.</param>
/// <param name="Partitions">Per partition, by topic and partition.</param>
public sealed record MeasuredLag(long Records, double Seconds, IReadOnlyList<MeasuredPartitionLag> Partitions);

/// <summary>How far a group is behind in a partition.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Member">The member that has it; null when nobody has.</param>
/// <param name="CommittedOffset">The committed offset; null when there is none: then all records count.</param>
public sealed record MeasuredPartitionLag(string Topic, int Partition, string? Member, long? CommittedOffset)
{
    /// <summary>The end of the log; null when it cannot be had just now.</summary>
    public long? HighWatermark { get; init; }

    /// <summary>The records that are not committed; null without the end of the log.</summary>
    public long? Records { get; init; }

    /// <summary>The age of the oldest of them, in seconds, by its timestamp; null when it cannot be had just now.</summary>
    public double? Seconds { get; init; }
}
