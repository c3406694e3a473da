using OrleansStream.Contracts;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Groups;

/// <summary>Measures how far a group is behind, in records and in seconds.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="time">Tells the age of records.</param>
/// <param name="load">The memory of the answer.</param>
internal sealed class GroupLag(IGrainFactory grains, TimeProvider time, AnswerLoad load)
{
    /// <summary>Measures.</summary>
    /// <param name="group">The group.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public async Task<LagAnswer> MeasureAsync(GroupDescription group, CancellationToken cancellationToken)
    {
        var committed = group.Offsets.ToDictionary(offset => (offset.TopicId, offset.Partition), offset => offset.Offset);
        var owners = group.Members.SelectMany(member => member.Assigned.Select(partition => (partition, member.Member)))
            .ToDictionary(pair => (pair.partition.TopicId, pair.partition.Partition), pair => pair.Member);
        string[] topics = [.. group.Offsets.Select(offset => offset.Topic)
            .Concat(group.Members.SelectMany(member => member.Assigned.Concat(member.Target)).Select(partition => partition.Topic))
            .Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var measured = new List<PartitionLag>();
        foreach (string topic in topics)
        {
            TopicDescription description = await grains.GetGrain<ITopicRouterGrain>(topic).DescribeAsync(cancellationToken);
            if (description.Topic is not { } metadata)
                continue;
            foreach (PartitionDescription[] some in description.Partitions.Chunk(PollLimits.LagReadsAtOnce))
            {
                measured.AddRange(await Task.WhenAll(some.Select(partition => MeasureAsync(
                    metadata, partition,
                    committed.TryGetValue((metadata.Id, partition.Partition), out long offset) ? offset : null,
                    owners.GetValueOrDefault((metadata.Id, partition.Partition)), cancellationToken))));
            }
        }

        return new LagAnswer
        {
            Lag = measured.Sum(partition => partition.Lag ?? 0),
            LagSeconds = measured.Max(partition => partition.LagSeconds) ?? 0,
            Partitions = measured,
        };
    }

    private async Task<PartitionLag> MeasureAsync(
        TopicMetadata topic, PartitionDescription partition, long? committed, string? owner, CancellationToken cancellationToken)
    {
        var lag = new PartitionLag { Topic = topic.Name, Partition = partition.Partition, Member = owner, CommittedOffset = committed };
        if (partition.Error is not null)
            return lag;
        long next = Math.Max(committed ?? partition.LogStartOffset, partition.LogStartOffset);
        long count = Math.Max(0, partition.HighWatermark - next);
        return lag with
        {
            HighWatermark = partition.HighWatermark,
            Lag = count,
            LagSeconds = count == 0 ? 0 : await AgeAsync(topic, partition.Partition, next, cancellationToken),
        };
    }

    /// <summary>The age of the record at an offset, in seconds; null when it cannot be read just now.</summary>
    private async Task<double?> AgeAsync(TopicMetadata topic, int partition, long offset, CancellationToken cancellationToken)
    {
        var request = new FetchRequest(offset, BytesMax: 1, WaitMs: 0) { TopicId = topic.Id };
        FetchResponse response = await grains.GetGrain<ITopicRouterGrain>(topic.Name).FetchAsync(partition, request, cancellationToken);
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
        while (records.TryReadNext(out RecordView record))
        {
            if (record.Offset >= offset)
                return record.TimestampMs;
        }

        return records.UnreadableFrom(offset) is null ? null : records.Header.MaxTimestamp;
    }
}
