using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Groups;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Gateway.Groups;

/// <summary>Finds the failed records that wait in place, and the later records of their keys, which must wait with them.</summary>
/// <param name="fetcher">Reads partitions.</param>
internal sealed class FailedInPlace(PartitionFetcher fetcher)
{
    /// <summary>
    /// The changes that the poll makes to a partition's records that wait in place. Of the held records that the last answer delivered, the failed
    /// ones wait again, and the others are done. Later records in that answer with the key of a failed one wait too.
    /// </summary>
    /// <param name="assigned">The partition.</param>
    /// <param name="failed">Its failed records.</param>
    /// <param name="cursor">The cursor of the last answer.</param>
    /// <param name="policy">The group's policy.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <exception cref="StreamException">A failed record lies in a batch that cannot be read, or the partition cannot be read.</exception>
    public async Task<PartitionHolds> HoldAsync(
        AssignedPartition assigned, IReadOnlyList<FailedRecord> failed, GroupCursor cursor, GroupRetryPolicy policy,
        CancellationToken cancellationToken)
    {
        var told = cursor.Holds.FirstOrDefault(holds => holds.TopicId == assigned.TopicId && holds.Partition == assigned.Partition)
            ?? new PartitionHolds(assigned.TopicId, assigned.Partition, [], [], []);
        var offsets = failed.Select(record => record.Offset).ToHashSet();
        var again = ImmutableArray.CreateBuilder<HeldOffset>();
        again.AddRange(told.Done.Where(held => offsets.Contains(held.Offset)));
        var waiting = told.Waiting.ToBuilder();
        long[] fresh = [.. offsets.Where(offset => offset >= assigned.CommittedOffset && told.Done.All(held => held.Offset != offset)).Order()];
        if (fresh.Length > 0)
        {
            var end = cursor.Offsets.First(offset => offset.TopicId == assigned.TopicId && offset.Partition == assigned.Partition).Offset;
            await ReadKeysAsync(assigned, fresh[0], end, (offset, key) =>
            {
                if (offsets.Contains(offset))
                    again.Add(new HeldOffset(offset, key, Attempt: 1, DueMs: 0));
                else if (key is not null && again.Any(held => held.Key == key) && waiting.All(held => held.Offset != offset))
                    waiting.Add(new HeldOffset(offset, key, Attempt: 1, DueMs: 0));
            }, unreadable => Refuse(failed, unreadable), cancellationToken);
        }

        // Records at their last attempt count as done, because they are dead letters before this is committed.
        return told with
        {
            Done = [.. told.Done.Where(held => !offsets.Contains(held.Offset) || held.Attempt >= policy.MaxAttempts)],
            Failed = [.. again.Where(held => held.Attempt < policy.MaxAttempts)],
            Waiting = waiting.ToImmutable(),
        };
    }

    // Without the key of a failed record it is unknown which other records must wait for it.
    private static void Refuse(IReadOnlyList<FailedRecord> failed, UnreadableRecords unreadable)
    {
        foreach (var record in failed)
        {
            if (record.Offset >= unreadable.Offset && record.Offset <= unreadable.LastOffset)
                throw new StreamException(record.Unreadable());
        }
    }

    private async Task ReadKeysAsync(
        AssignedPartition assigned, long from, long end, Action<long, int?> see, Action<UnreadableRecords> pass, CancellationToken cancellationToken)
    {
        for (var next = from; next < end;)
        {
            var response = await fetcher.FetchAsync(assigned, next, ReadingLimits.FetchBytesDefault, waitMs: 0, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            if (response.Error is { Code: StreamErrorCode.OffsetOutOfRange, LogStartOffset: { } start } && start > next)
            {
                next = start;
                continue;
            }

            if (response.Error is { } error)
                throw new StreamException(error);
            if (response.Batches.IsEmpty)
                return;
            next = ReadKeys(response, next, end, see, pass);
            fetcher.Release();
        }
    }

    private static long ReadKeys(FetchResponse response, long from, long end, Action<long, int?> see, Action<UnreadableRecords> pass)
    {
        var next = from;
        var scanner = new RecordBatchScanner(response.Batches.Span, checkCrc: false);
        while (scanner.MoveNext())
        {
            next = scanner.Header.NextOffset;
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out var record))
            {
                if (record.Offset >= from && record.Offset < end)
                    see(record.Offset, HeldRecords.KeyOf(record));
            }

            if (records.UnreadableFrom(from) is { } unreadable)
                pass(unreadable);
        }

        return next;
    }
}
