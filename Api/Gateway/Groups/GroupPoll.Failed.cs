using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>The records that the member could not work on.</summary>
public sealed partial class GroupPoll
{
    /// <summary>
    /// Has the failed records of the last answer copied to where they wait, before their positions are committed: a crash in between
    /// delivers them again, and a copy that is asked for again is stored once. A member that has lost them copies nothing.
    /// </summary>
    /// <returns>Null, or why the member has them no longer.</returns>
    /// <exception cref="StreamException">They are none of the last answer's, or the group has no policy.</exception>
    /// <exception cref="StreamException">They could not be copied; nothing was committed.</exception>
    private async Task<GroupMemberResponse?> MoveFailedAsync(GroupCursor cursor, CancellationToken cancellationToken)
    {
        GroupMemberResponse standing = await AskAsync(() => _group.CommitAsync(member, cursor.Token, []), cancellationToken);
        if (standing.Error is not null)
            return standing;
        if (standing.Retry is not { } policy)
            throw StreamException.InvalidRequest("failed", $"Group '{group}' has no retry policy. PUT /v1/groups/{group} gives it one.");
        ImmutableArray<FailedRecord> failed = [.. options.Failed.Select((entry, i) => Find(entry, i, standing, cursor))];
        ILookup<bool, FailedRecord> byPlace = failed.ToLookup(record => policy.InPlace && !RetryTopics.IsRetry(record.Topic, group));
        ImmutableArray<FailedRecord> moved = [.. byPlace[false], .. byPlace[true].Where(record => record.Attempt >= policy.MaxAttempts)];
        foreach (IGrouping<(Guid TopicId, int Partition), FailedRecord> some in byPlace[true].GroupBy(record => (record.TopicId, record.Partition)))
        {
            AssignedPartition assigned = standing.Assignment.First(one => (one.TopicId, one.Partition) == some.Key);
            PartitionHolds holds = await HoldAsync(assigned, [.. some], cursor, policy, cancellationToken);
            _holds = [.. _holds.Where(known => (known.TopicId, known.Partition) != some.Key), holds];
        }

        StreamError? error = await AskAsync(
            () => grains.GetGrain<IGroupRetryGrain>(group).MoveAsync(policy, moved, cancellationToken), cancellationToken);
        return error is null ? null : throw new StreamException(error with { OutcomeUnknown = false });
    }

    private static FailedRecord Find(FailedEntry entry, int index, GroupMemberResponse standing, GroupCursor cursor)
    {
        AssignedPartition? found = null;
        foreach (AssignedPartition assigned in standing.Assignment)
        {
            if (assigned.Topic == entry.Topic && assigned.Partition == entry.Partition)
                found = assigned;
        }

        bool isDelivered = found is { } one && cursor.Offsets.Any(
            offset => offset.TopicId == one.TopicId && offset.Partition == one.Partition && entry.Offset < offset.Offset);
        if (isDelivered)
        {
            Guid topicId = found!.Value.TopicId;
            HeldOffset held = cursor.Holds.Where(holds => holds.TopicId == topicId && holds.Partition == entry.Partition)
                .SelectMany(holds => holds.Done).FirstOrDefault(held => held.Offset == entry.Offset);
            return new FailedRecord(entry.Topic, topicId, entry.Partition, entry.Offset, entry.Reason, Math.Max(1, held.Attempt));
        }

        throw StreamException.InvalidRequest(
            $"failed[{index}]", $"Offset {entry.Offset} of partition {entry.Partition} of topic '{entry.Topic}' is none that the cursor's answer held.");
    }
}
