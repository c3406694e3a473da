using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>The records of a member's last answer that it could not work on.</summary>
/// <param name="grains">The way to what copies records.</param>
/// <param name="membership">Tells where the member stands.</param>
/// <param name="fetcher">Reads partitions.</param>
/// <param name="group">The group.</param>
/// <param name="entries">The records, as the member named them.</param>
internal sealed class FailedRecords(
    IGrainFactory grains, GroupMembership membership, PartitionFetcher fetcher, string group, IReadOnlyList<FailedEntry> entries)
{
    private readonly FailedInPlace _inPlace = new(fetcher);

    /// <summary>
    /// Has the failed records of the last answer copied to where they wait, before their positions are committed: a crash in between
    /// delivers them again, and a copy that is asked for again is stored once. A member that has lost them copies nothing.
    /// </summary>
    /// <param name="cursor">The last answer's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What the poll has to say of records that wait in place; or why the member has the failed ones no longer.</returns>
    /// <exception cref="StreamException">
    /// They are none of the last answer's, or the group has no policy; or they could not be copied, and nothing was committed.
    /// </exception>
    public async Task<(GroupMemberResponse? Lost, ImmutableArray<PartitionHolds> Holds)> MoveAsync(GroupCursor cursor, CancellationToken cancellationToken)
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

        var error = await membership.AskAsync(
            () => grains.GetGrain<IGroupRetryGrain>(group).MoveAsync(policy, moved, cancellationToken), cancellationToken);
        return error is null ? (null, told) : throw new StreamException(error with { OutcomeUnknown = false });
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
            $"failed[{index}]", $"Offset {entry.Offset} of partition {entry.Partition} of topic '{entry.Topic}' is none that the cursor's answer held.");
    }
}
