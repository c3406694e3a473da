using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Records that wait in place: the group has read past them, but they are not done.</summary>
/// <remarks>
/// A partition's committed offset says how far it was read. Of the records below it, only the held ones are not done. The first held record of a key
/// is delivered when it is due. Later records of that key wait for it, and new ones join them. So each key keeps its order, and other keys go on.
/// </remarks>
internal sealed partial class GroupState
{
    private readonly SortedDictionary<TopicPartition, ImmutableArray<HeldRecord>> _holds = [];

    /// <summary>The records of a partition that wait in place, by offset.</summary>
    /// <param name="partition">The partition.</param>
    public ImmutableArray<HeldRecord> HoldsOf(TopicPartition partition) => _holds.GetValueOrDefault(partition, []);

    /// <summary>
    /// Raises the changes that a member's poll makes to records that wait. A repeated poll changes nothing: records count as passed over only from
    /// the committed offset on, and the result of a held record counts only for the attempt that it is at.
    /// </summary>
    private GroupRefusal? RaiseHolds(string member, ImmutableArray<HoldsChange> changes, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        var raised = new List<HoldsChanged>();
        var count = _holds.Values.Sum(holds => holds.Length);
        foreach (var change in changes)
        {
            if (_owners.GetValueOrDefault(change.Partition) != member || FindTopic(change.Partition.TopicId) is null)
                continue;
            var before = HoldsOf(change.Partition);
            var committed = FindOffset(change.Partition)?.Offset ?? 0;
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

        raised.ForEach(Raise);
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
            if (Retry?.NextDueMs(failed.Attempt, time.UnixMs, change.Random) is { } dueMs)
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

/// <summary>A record that was passed over and is not done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">
/// A hash of its key; null for a record without a key, for which no other record waits. Records whose keys have the same hash wait for each other.
/// </param>
/// <param name="Attempt">The number of its next delivery.</param>
/// <param name="DueMs">When that delivery is due at the earliest, in milliseconds since the Unix epoch.</param>
internal sealed record HeldRecord(long Offset, int? Key, int Attempt, long DueMs);

/// <summary>The changes that a poll makes to a partition's records that wait in place.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Done">Records that waited, and now are done or dead letters.</param>
/// <param name="Failed">Records that failed.</param>
/// <param name="Waiting">Records that were passed over because their key waits.</param>
/// <param name="Random">A random number from 0 to 1, for jitter.</param>
internal sealed record HoldsChange(
    TopicPartition Partition, ImmutableArray<HoldDone> Done, ImmutableArray<HoldFailed> Failed, ImmutableArray<HoldWaiting> Waiting, double Random);

/// <summary>A record that waited and is done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Attempt">The attempt that succeeded, or after which it became a dead letter.</param>
internal readonly record struct HoldDone(long Offset, int Attempt);

/// <summary>A record that failed.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">The hash of its key, or null.</param>
/// <param name="Attempt">The attempt that failed.</param>
internal readonly record struct HoldFailed(long Offset, int? Key, int Attempt);

/// <summary>A record whose key waits.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">The hash of its key.</param>
internal readonly record struct HoldWaiting(long Offset, int? Key);
