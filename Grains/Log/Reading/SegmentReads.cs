using OrleansStream.Log.Caches;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Resources;
using OrleansStream.Log.State;

namespace OrleansStream.Log.Reading;

/// <summary>Reads batches from segments: further than a reader asks, and once for all readers that ask for the same offset.</summary>
internal sealed class SegmentReads(OpenLog log, SegmentIndexes indexes)
{
    // Guarded by the gate: for each offset that is being read, the readers that share the read.
    private readonly Dictionary<long, List<TaskCompletionSource<ReadAheadBlock>>> _underWay = [];

    /// <summary>Reads batches from the one that holds an offset on, and keeps them for the reads that follow.</summary>
    /// <remarks>Readers that want the same offset share one read. The count of reads over all logs is bounded.</remarks>
    /// <exception cref="ColdReadsBusyException">Too many reads wait already.</exception>
    public async ValueTask<ReadAheadBlock> ReadAsync(SegmentView view, long offset, int bytesMax)
    {
        TaskCompletionSource<ReadAheadBlock>? shared = null;
        lock (log.Gate)
        {
            if (_underWay.TryGetValue(offset, out var sharers))
                sharers.Add(shared = new TaskCompletionSource<ReadAheadBlock>());
            else
                _underWay.Add(offset, []);
        }

        if (shared is not null)
            return await shared.Task.ConfigureAwait(false);

        try
        {
            var block = await ReadInTurnAsync(view, offset, bytesMax).ConfigureAwait(false);
            EndRead(offset, block).ForEach(sharer => sharer.SetResult(block));
            return block;
        }
        catch (Exception e)
        {
            EndRead(offset, null).ForEach(sharer => sharer.SetException(e));
            throw;
        }
    }

    // Each sharer has a source of its own: when several await one task, all but the first continue on the thread pool.
    private List<TaskCompletionSource<ReadAheadBlock>> EndRead(long offset, ReadAheadBlock? block)
    {
        lock (log.Gate)
        {
            _underWay.Remove(offset, out var sharers);
            if (block is { } found && !log.HasEnded)
                log.ReadAhead.Add(found);

            return sharers ?? [];
        }
    }

    // A caller cannot cancel it, because others may share it.
    private async ValueTask<ReadAheadBlock> ReadInTurnAsync(SegmentView view, long offset, int bytesMax)
    {
        await log.Resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            return await ReadFromStoreAsync(view, offset, bytesMax).ConfigureAwait(false);
        }
        finally
        {
            log.Resources.ColdReads.Leave();
        }
    }

    private async ValueTask<ReadAheadBlock> ReadFromStoreAsync(SegmentView view, long offset, int bytesMax)
    {
        var place = await indexes.FindAsync(view, index => index.FindPosition(offset), CancellationToken.None).ConfigureAwait(false);
        var lengthWanted = Math.Max(bytesMax, LogLimits.ReadAheadBytes) + (2 * LogLimits.IndexIntervalBytes);
        while (true)
        {
            var length = (int)Math.Min(lengthWanted, view.Length - place.Position);
            var bytes = GC.AllocateUninitializedArray<byte>(length);
            var read = await log.Place.Segments.ReadAsync(view.Name, place.Position, bytes).ConfigureAwait(false);
            if (ReadCheck.Take(bytes.AsMemory(0, read), place.Offset, offset, out var damage) is { } found)
                return found with { HeldBytes = bytes.Length };

            if (damage.LengthNeeded <= length || read < lengthWanted)
                throw new LogCorruptException(new LogDamage(view.Name, place.Position + damage.Position, offset), damage.What);

            lengthWanted = damage.LengthNeeded; // one batch is longer than a read-ahead, unless its length is wrong
        }
    }
}
