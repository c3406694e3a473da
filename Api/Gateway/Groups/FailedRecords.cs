using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>The records of a member's last answer that it could not process.</summary>
/// <param name="grains">Gets the grain that copies records.</param>
/// <param name="membership">Asks the group for the member's state.</param>
/// <param name="fetcher">Reads partitions.</param>
/// <param name="group">The group.</param>
/// <param name="entries">The records, as the member named them.</param>
internal sealed class FailedRecords(
    IGrainFactory grains, GroupMembership membership, PartitionFetcher fetcher, string group, IReadOnlyList<FailedEntry> entries)
{
    private readonly FailedInPlace _inPlace = new(fetcher);

    /// <summary>
    /// Copies the failed records to the retry topic or the dead letters, before their positions are committed. After a crash in between the records
    /// are delivered again; a repeated copy is stored only once. If the member no longer owns the partitions, nothing is copied.
    /// </summary>
    /// <param name="cursor">The cursor of the last answer.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The changes to records that wait in place; or the group's refusal, when the member no longer has the failed records.</returns>
    /// <exception cref="StreamException">
    /// The records were not in the last answer, or the group has no policy, or the records could not be copied. Nothing was committed.
    /// </exception>
    public async Task<(GroupMemberResponse? Lost, ImmutableArray<PartitionHolds> Holds)> MoveAsync(GroupCursor cursor,
        CancellationToken cancellationToken)
    {
        var standing = await membership.CommitAsync(cursor.Token, [], cancellationToken);
        if (standing.Error is not null)
            return (standing, []);
        if (standing.Retry is not { } policy)
            throw StreamException.InvalidRequest("failed", $"Group '{group}' has no retry policy.");
        ImmutableArray<FailedRecord> failed = [.. entries.Select((entry, i) => Find(entry, i, standing, cursor))];
        var byPlace = failed.ToLookup(record => policy.InPlace && !RetryTopics.IsRetry(record.Topic, group));
        ImmutableArray<FailedRecord> moved = [.. byPlace[false], .. byPlace[true].Where(record => record.Attempt >= policy.MaxAttempts)];
        ImmutableArray<PartitionHolds> told = [.. cursor.Holds];
        foreach (var some in byPlace[true].GroupBy(record => (record.TopicId, record.Partition)))
        {
            var assigned = standing.Assignment.First(one => (one.TopicId, one.Partition) == some.Key);
            var holds = await _inPlace.HoldAsync(assigned, [.. some], cursor, policy, cancellationToken);
            told = [.. told.Where(known => (known.TopicId, known.Partition) != some.Key), holds];
        }

        var error = await membership.AskAsync(() => MoveAsync(policy, moved, cancellationToken), cancellationToken);
        return error is null ? (null, told) : throw new StreamException(error with { OutcomeUnknown = false });
    }

    private async Task<StreamError?> MoveAsync(GroupRetryPolicy policy, ImmutableArray<FailedRecord> moved, CancellationToken cancellationToken)
    {
        var error = await grains.GetGrain<IGroupRetryGrain>(group).MoveAsync(policy, moved, cancellationToken);
        // A copy has an identity of its own.
        return error is not null && AppendRetry.IsRepeated(error, hasIdentity: true)
            ? throw new StreamException(error with { Code = StreamErrorCode.NotLeaderOrFollower, OutcomeUnknown = false })
            : error;
    }

    private static FailedRecord Find(FailedEntry entry, int index, GroupMemberResponse standing, GroupCursor cursor)
    {
        AssignedPartition? found = null;
        foreach (var assigned in standing.Assignment)
        {
            if (assigned.Topic == entry.Topic && assigned.Partition == entry.Partition)
                found = assigned;
        }

        var isDelivered = found is { } one && cursor.Offsets.Any(
            offset => offset.TopicId == one.TopicId && offset.Partition == one.Partition && entry.Offset < offset.Offset);
        if (isDelivered)
        {
            var topicId = found!.Value.TopicId;
            HeldOffset held = cursor.Holds.Where(holds => holds.TopicId == topicId && holds.Partition == entry.Partition)
                .SelectMany(holds => holds.Done).FirstOrDefault(held => held.Offset == entry.Offset);
            return new FailedRecord(entry.Topic, topicId, entry.Partition, entry.Offset, entry.Reason, Math.Max(1, held.Attempt));
        }

        throw StreamException.InvalidRequest(
            $"failed[{index}]",
            $"Offset {entry.Offset} of partition {entry.Partition} of topic '{entry.Topic}' was not in the answer of the cursor.");
    }
}
