using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;
using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Groups;

/// <summary>
/// Finds where a poll starts in partitions without a committed offset, and where it goes on when a position is not in the log, by the poll's policy.
/// It also replaces a committed offset that lies beyond the end of its log.
/// </summary>
/// <param name="fetcher">Reads partitions.</param>
/// <param name="membership">Commits offsets.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="policy">The policy.</param>
internal sealed class PollPositions(PartitionFetcher fetcher, GroupMembership membership, LogEnds ends, OffsetPolicy policy)
{
    // Partitions are read concurrently. The lock of each list is the list itself.
    private readonly List<PollReset> _resets = [];
    private readonly List<PartitionOffset> _replacements = [];

    /// <summary>True when there are resets that no answer has reported yet.</summary>
    public bool HasResets => _resets.Count > 0;

    /// <summary>Takes the resets that no answer has reported yet. They count as reported after this.</summary>
    public ImmutableArray<PollReset> TakeResets()
    {
        ImmutableArray<PollReset> resets = [.. _resets];
        _resets.Clear();
        return resets;
    }

    /// <summary>
    /// Finds where to start in partitions without a committed offset. If this is the end of a log, it is committed at once. Otherwise the next poll
    /// would start at a later end, and miss the records in between.
    /// </summary>
    /// <param name="partitions">The member's partitions.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Null; or why the process no longer speaks for the member.</returns>
    /// <exception cref="StreamException">A partition has no offset to start from, and the policy is to report this.</exception>
    public async Task<GroupMemberResponse?> StartAsync(IReadOnlyList<PolledPartition> partitions, CancellationToken cancellationToken)
    {
        // The policy is for records that are older than the group. Retry topics, and partitions that were added since, are read from their start.
        var wholes = partitions.Where(partition => partition.Position == PolledPartition.Unknown && (partition.IsRetry || partition.Assigned.IsNew));
        foreach (var whole in wholes)
            whole.Position = FetchRequest.Earliest;
        PolledPartition[] unknown = [.. partitions.Where(partition => partition.Position == PolledPartition.Unknown)];
        if (unknown.Length == 0)
            return null;
        if (policy == OffsetPolicy.Error)
            throw NoOffset(unknown[0]);
        if (policy == OffsetPolicy.Earliest)
        {
            foreach (var partition in unknown)
                partition.Position = FetchRequest.Earliest;
            return null;
        }

        foreach (var some in unknown.Chunk(PollLimits.PollFetchesAtOnce))
            await Task.WhenAll(some.Select(partition => FindEndAsync(partition, cancellationToken)));
        ImmutableArray<PartitionOffset> found = [.. unknown
            .Where(partition => partition.Position >= 0)
            .Select(partition => new PartitionOffset(partition.Assigned.TopicId, partition.Assigned.Partition, partition.Position))];
        return found.Length == 0 ? null : await CommitAsync(found, cancellationToken);
    }

    /// <summary>Goes on where the policy says, because the position is not in the log. A committed offset beyond the end will be replaced.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="error">The leader's error, with the log's bounds.</param>
    /// <exception cref="StreamException">The policy is to report this.</exception>
    public void Reset(PolledPartition partition, StreamError error)
    {
        if (policy == OffsetPolicy.Error)
            throw NotInLog(partition, error);
        var to = (policy == OffsetPolicy.Earliest ? error.LogStartOffset : error.HighWatermark) ?? 0;
        var from = partition.Position;
        partition.GoTo(to);
        // For a position below the log's start, the bounds may be those of a stale leader.
        if (from > error.HighWatermark && partition.Committed > error.HighWatermark)
            Replace(partition, to);
        Tell(partition, from, to);
    }

    /// <summary>
    /// Replaces a committed offset beyond the end when the member reads within the log. Otherwise all that the member commits would count as going
    /// back. A stale leader knows fewer records than there are, so the offset itself is asked for.
    /// </summary>
    /// <param name="partition">The partition, just read.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    public async Task CheckCommittedAsync(PolledPartition partition, CancellationToken cancellationToken)
    {
        if (partition.Start is not { } start || partition.Committed <= partition.HighWatermark)
            return;
        var committed = partition.Committed;
        var response = await fetcher.FetchAsync(partition.Assigned, committed, bytesMax: 1, waitMs: 0, cancellationToken);
        if (response.Error is not { Code: StreamErrorCode.OffsetOutOfRange, HighWatermark: { } end } || committed <= end)
            return;
        Replace(partition, start);
        Tell(partition, committed, start);
    }

    /// <summary>Commits the replacements of offsets beyond the end.</summary>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>Null; or why the process no longer speaks for the member.</returns>
    public async Task<GroupMemberResponse?> CommitReplacementsAsync(CancellationToken cancellationToken)
    {
        if (_replacements.Count == 0)
            return null;
        var refused = await CommitAsync([.. _replacements], cancellationToken);
        _replacements.Clear();
        return refused;
    }

    /// <summary>Remembers a reset, which the next answer reports to the member.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="from">The offset that was next.</param>
    /// <param name="to">The offset at which reading goes on.</param>
    public void Tell(PolledPartition partition, long from, long to)
    {
        lock (_resets)
            _resets.Add(new PollReset(partition.Assigned.Topic, partition.Assigned.Partition, from, to));
    }

    private async Task<GroupMemberResponse?> CommitAsync(ImmutableArray<PartitionOffset> offsets, CancellationToken cancellationToken)
    {
        var response = await membership.CommitAsync(membership.Token, offsets, cancellationToken);
        return response.Error is null ? null : response;
    }

    private void Replace(PolledPartition partition, long to)
    {
        var assigned = partition.Assigned;
        ends.Forget(assigned.TopicId, assigned.Partition);
        lock (_replacements)
            _replacements.Add(new PartitionOffset(assigned.TopicId, assigned.Partition, to) { InPlaceOf = partition.Committed });
        partition.Committed = to;
    }

    private async Task FindEndAsync(PolledPartition partition, CancellationToken cancellationToken)
    {
        var response = await fetcher.FetchAsync(partition.Assigned, FetchRequest.Latest, bytesMax: 1, waitMs: 0, cancellationToken);
        if (response.Error is null)
            partition.GoTo(response.Offset);
        else
            partition.Error = response.Error;
    }

    private static StreamException NotInLog(PolledPartition partition, StreamError error) => new(error with
    {
        Detail = $"The group must go on at offset {partition.Position} of partition {partition.Assigned.Partition} of topic '{partition.Assigned.Topic}', whose log "
            + $"holds {error.LogStartOffset} up to its high watermark {error.HighWatermark}, and auto_offset_reset is error.",
    });

    private static StreamException NoOffset(PolledPartition partition) => new(new StreamError(
        StreamErrorCode.OffsetOutOfRange,
        $"The group has no committed offset for partition {partition.Assigned.Partition} of topic '{partition.Assigned.Topic}', and auto_offset_reset is error."));
}
