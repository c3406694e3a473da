using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Groups;

/// <summary>Offsets beyond the end of their log: a cursor's are refused, a committed one is replaced.</summary>
public sealed partial class GroupPoll
{
    private readonly List<PartitionOffset> _replacements = [];

    /// <summary>
    /// Refuses a cursor with an offset that does not exist. Only a leader's word counts: where none answers just now the offset is taken, as
    /// the member must not get again what it is done with.
    /// </summary>
    /// <exception cref="StreamException">An offset lies beyond the end of its log.</exception>
    private async Task CheckCursorAsync(GroupCursor cursor, CancellationToken cancellationToken)
    {
        if (cursor.Offsets.Any(offset => offset.Offset < 0))
            throw StreamException.InvalidRequest("cursor", "'cursor' holds an offset below 0, so it is none that this member was given. Poll without one to start again.");
        if (cursor.Offsets.All(offset => ends.Covers(offset)))
            return;
        GroupMemberResponse standing = await AskAsync(() => _group.CommitAsync(member, cursor.Token, []), cancellationToken);
        // Of a member that is refused nothing is committed, and the poll tells it where it stands.
        if (standing.Error is not null)
            return;
        var assigned = standing.Assignment.ToDictionary(one => (one.TopicId, one.Partition));
        foreach (PartitionOffset[] some in cursor.Offsets.Chunk(PollLimits.PollFetchesAtOnce))
        {
            StreamError?[] errors = await Task.WhenAll(some.Select(offset =>
                assigned.TryGetValue((offset.TopicId, offset.Partition), out AssignedPartition one) && offset.Offset != one.CommittedOffset
                    ? ends.CheckAsync(one.Topic, offset, "cursor", cancellationToken)
                    : Task.FromResult<StreamError?>(null)));
            if (Array.Find(errors, error => error?.Code == StreamErrorCode.OffsetOutOfRange) is { } beyond)
                throw new StreamException(beyond);
        }
    }

    /// <summary>Where to go on when there is nothing at a position. A committed offset beyond the end is to be replaced.</summary>
    private void Reset(PolledPartition partition, StreamError error)
    {
        if (options.Policy == OffsetPolicy.Error)
            throw NotInLog(partition, error);
        long to = (options.Policy == OffsetPolicy.Earliest ? error.LogStartOffset : error.HighWatermark) ?? 0;
        long from = partition.Position;
        partition.GoTo(to);
        // Below the log's start the bounds may be those of a stale leader.
        if (from > error.HighWatermark && partition.Committed > error.HighWatermark)
            Replace(partition, to);
        Tell(partition, from, to);
    }

    /// <summary>
    /// Replaces a committed offset beyond the end, while the member reads where the log is: whatever it commits would count as going back.
    /// A stale leader knows of fewer records than there are, so the offset itself is asked for.
    /// </summary>
    private async Task CheckCommittedAsync(PolledPartition partition, CancellationToken cancellationToken)
    {
        if (partition.Start is not { } start || partition.Committed <= partition.HighWatermark)
            return;
        long committed = partition.Committed;
        FetchResponse response = await CallAsync(partition, committed, bytesMax: 1, waitMs: 0, cancellationToken);
        if (response.Error is not { Code: StreamErrorCode.OffsetOutOfRange, HighWatermark: { } end } || committed <= end)
            return;
        Replace(partition, start);
        Tell(partition, committed, start);
    }

    private void Replace(PolledPartition partition, long to)
    {
        AssignedPartition assigned = partition.Assigned;
        ends.Forget(assigned.TopicId, assigned.Partition);
        lock (_replacements)
            _replacements.Add(new PartitionOffset(assigned.TopicId, assigned.Partition, to) { InPlaceOf = partition.Committed });
        partition.Committed = to;
    }

    private void Tell(PolledPartition partition, long from, long to)
    {
        lock (_resets)
            _resets.Add(new PollReset(partition.Assigned.Topic, partition.Assigned.Partition, from, to));
    }

    /// <summary>Commits what takes the place of offsets beyond the end.</summary>
    /// <returns>Null, or why the member is none any more.</returns>
    private async Task<GroupMemberResponse?> CommitReplacementsAsync(CancellationToken cancellationToken)
    {
        if (_replacements.Count == 0)
            return null;
        ImmutableArray<PartitionOffset> offsets = [.. _replacements];
        GroupMemberResponse response = await AskAsync(() => _group.CommitAsync(member, _token, offsets), cancellationToken);
        _replacements.Clear();
        return response.Error is null ? null : response;
    }

    private static StreamException NotInLog(PolledPartition partition, StreamError error) => new(error with
    {
        Detail = $"The group is to go on at offset {partition.Position} of partition {partition.Assigned.Partition} of topic '{partition.Assigned.Topic}', whose log "
            + $"holds {error.LogStartOffset} up to its high watermark {error.HighWatermark}, and auto_offset_reset is error. "
            + "Set another offset with PUT offsets or offsets/reset.",
    });
}
