using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Records that wait in place: the group has read past them, but they are not done.</summary>
/// <remarks>
/// A partition's committed offset says how far it was read. Of the records below it, only the held ones are not done. The first held record of a key
/// is delivered when it is due. Later records of that key wait for it, and new ones join them. So each key keeps its order, and other keys go on.
/// </remarks>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
internal sealed class GroupHolds(GroupFacts facts, RaisedEvents events)
{
    /// <summary>
    /// Makes the changes that a member's poll brings to records that wait. A repeated poll changes nothing: records count as passed over only from
    /// the committed offset on, and the result of a held record counts only for the attempt that it is at.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="changes">The changes.</param>
    /// <param name="commits">The offsets that the poll commits.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null, or why nothing changes.</returns>
    public GroupRefusal? Change(string member, ImmutableArray<HoldsChange> changes, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        var raised = new List<HoldsChanged>();
        var count = facts.HoldCount;
        foreach (var change in changes)
        {
            if (facts.OwnerOf(change.Partition) != member || facts.FindTopic(change.Partition.TopicId) is null)
                continue;
            var before = facts.HoldsOf(change.Partition);
            var committed = facts.FindOffset(change.Partition)?.Offset ?? 0;
            // Only records that were passed over can be held, so their offsets must lie below the offset that this poll commits.
            var end = commits.Where(commit => commit.Partition == change.Partition).Select(commit => commit.Offset).Append(committed).Max();
            var after = Changed(change, before, committed, end, time);
            if (after.SequenceEqual(before))
                continue;
            count += after.Length - before.Length;
            if (after.Length > before.Length && (after.Length > GroupStateLimits.HoldsPerPartitionMax || count > GroupStateLimits.HoldsMax))
            {
                return new GroupRefusal(
                    StreamErrorCode.ThrottlingQuotaExceeded,
                    $"A group holds at most {GroupStateLimits.HoldsMax} records in place, and {GroupStateLimits.HoldsPerPartitionMax} of a partition. Nothing was committed. Finish some of them first.");
            }

            raised.Add(new HoldsChanged(change.Partition, after));
        }

        raised.ForEach(events.Raise);
        return null;
    }

    private ImmutableArray<HeldRecord> Changed(HoldsChange change, ImmutableArray<HeldRecord> before, long committed, long end, GroupTime time)
    {
        var holds = new SortedDictionary<long, HeldRecord>(before.ToDictionary(held => held.Offset));
        foreach (var done in change.Done)
        {
            if (holds.TryGetValue(done.Offset, out var held) && held.Attempt == done.Attempt)
                holds.Remove(done.Offset);
        }

        foreach (var failed in change.Failed)
        {
            var isKnown = holds.TryGetValue(failed.Offset, out var held);
            if (isKnown ? held!.Attempt != failed.Attempt : failed.Offset < committed || failed.Offset >= end)
                continue;
            if (facts.Retry?.NextDueMs(failed.Attempt, time.UnixMs, change.Random) is { } dueMs)
                holds[failed.Offset] = new HeldRecord(failed.Offset, failed.Key, failed.Attempt + 1, dueMs);
            else
                holds.Remove(failed.Offset);
        }

        foreach (var waiting in change.Waiting)
        {
            if (waiting.Offset >= committed && waiting.Offset < end && !holds.ContainsKey(waiting.Offset))
                holds[waiting.Offset] = new HeldRecord(waiting.Offset, waiting.Key, Attempt: 1, DueMs: 0);
        }

        return [.. holds.Values];
    }
}
