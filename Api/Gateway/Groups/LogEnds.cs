using System.Collections.Concurrent;
using OrleansStream.Errors;
using OrleansStream.Gateway.Routing;
using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Groups;

/// <summary>Checks that an offset lies within its log before a group commits it, because the group itself takes any offset.</summary>
/// <remarks>
/// A log only grows, so an offset below an end that was seen once need not be checked again. A node that served the records which a member commits
/// therefore asks nobody. An offset is refused only after a leader was asked for it.
/// </remarks>
/// <param name="routes">The way to the topics.</param>
public sealed class LogEnds(TopicRoutes routes)
{
    private readonly ConcurrentDictionary<(Guid TopicId, int Partition), long> _ends = [];

    /// <summary>Remembers the end of a log.</summary>
    /// <param name="topicId">The topic's id.</param>
    /// <param name="partition">The partition.</param>
    /// <param name="highWatermark">Its high watermark, as its leader told it.</param>
    public void Saw(Guid topicId, int partition, long highWatermark)
    {
        var isKnown = _ends.TryGetValue((topicId, partition), out var known);
        if (isKnown && known >= highWatermark)
            return;
        if (!isKnown && _ends.Count >= PollLimits.LogEndsMax)
            _ends.Clear();
        _ends.AddOrUpdate((topicId, partition), highWatermark, (_, other) => Math.Max(other, highWatermark));
    }

    /// <summary>Forgets the end of a log that has become shorter because its bytes were lost.</summary>
    /// <param name="topicId">The topic's id.</param>
    /// <param name="partition">The partition.</param>
    public void Forget(Guid topicId, int partition) => _ends.TryRemove((topicId, partition), out _);

    /// <summary>True when the log is known to reach an offset.</summary>
    /// <param name="offset">The offset.</param>
    public bool Covers(in PartitionOffset offset) =>
        offset.Offset == 0 || _ends.TryGetValue((offset.TopicId, offset.Partition), out var end) && offset.Offset <= end;

    /// <summary>Checks an offset. It asks for the end of the log if the log is not known to reach the offset.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="offset">The offset.</param>
    /// <param name="field">The field of the request with the offset.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>
    /// Null when the offset is within the log; or <see cref="StreamErrorCode.OffsetOutOfRange"/> with the log's bounds; or another error when no
    /// leader answered.
    /// </returns>
    public async Task<StreamError?> CheckAsync(string topic, PartitionOffset offset, string field, CancellationToken cancellationToken)
    {
        if (Covers(offset))
            return null;
        // Asking for the end reads no records. If the end seems too low, the partition may just have moved, so the offset itself is asked for.
        var end = await FetchAsync(topic, offset, FetchRequest.Latest, cancellationToken);
        if (end.Error is null)
            Saw(offset.TopicId, offset.Partition, end.HighWatermark);
        if (end.Error is not null || Covers(offset))
            return end.Error;
        var found = await FetchAsync(topic, offset, offset.Offset, cancellationToken);
        if (found.Error is { Code: StreamErrorCode.OffsetOutOfRange, HighWatermark: { } highWatermark } error && offset.Offset > highWatermark)
            return Beyond(topic, offset, error, field);
        return found.Error is { Code: StreamErrorCode.OffsetOutOfRange } ? null : found.Error;
    }

    /// <summary>Refuses offsets beyond the end of their log.</summary>
    /// <param name="offsets">The offsets.</param>
    /// <param name="mustKnow">
    /// What to do when no leader answers: true to refuse the offset, for offsets that a person sets; false to accept it, for offsets up to which a
    /// member is done.
    /// </param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">An offset is refused; the exception has the error of the first one.</exception>
    internal async Task CheckAsync(IEnumerable<NamedOffset> offsets, bool mustKnow, CancellationToken cancellationToken)
    {
        foreach (var some in offsets.Where(one => !Covers(one.Offset)).Chunk(PollLimits.PollFetchesAtOnce))
        {
            var errors = await Task.WhenAll(some.Select(one => CheckAsync(one.Topic, one.Offset, one.Field, cancellationToken)));
            if (Array.Find(errors, error => mustKnow ? error is not null : error?.Code == StreamErrorCode.OffsetOutOfRange) is { } error)
                throw new StreamException(error);
        }
    }

    private async Task<FetchResponse> FetchAsync(string topic, PartitionOffset of, long offset, CancellationToken cancellationToken)
    {
        StreamError failure;
        try
        {
            var request = new FetchRequest(offset, BytesMax: 1, WaitMs: 0) { TopicId = of.TopicId };
            return await routes.FetchAsync(topic, of.Partition, request, cancellationToken);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            failure = new StreamError(StreamErrorCode.NotLeaderOrFollower,
                $"Partition {of.Partition} of topic '{topic}' did not answer; nothing was committed.");
        }

        return new FetchResponse(failure, offset, default, HighWatermark: -1, LogStartOffset: -1);
    }

    private static StreamError Beyond(string topic, PartitionOffset offset, StreamError error, string field) => new(
        StreamErrorCode.OffsetOutOfRange,
        $"Offset {offset.Offset} of partition {offset.Partition} of topic '{topic}' does not exist: the log holds {error.LogStartOffset} up to its high "
        + $"watermark {error.HighWatermark}, which is the highest offset that can be committed. Nothing was committed.")
    {
        Field = field,
        LogStartOffset = error.LogStartOffset,
        HighWatermark = error.HighWatermark,
    };
}
