using OrleansStream.Log.Contract;
using OrleansStream.Log.Reading;
using OrleansStream.Log.Resources;
using OrleansStream.Records;

namespace OrleansStream.Log;

// Reading from segments: read ahead, share one read among all who want it, check every batch before anybody sees it.
public sealed partial class PartitionLog
{
    private readonly ReadAheadCache _blocks;
    private readonly Dictionary<long, List<TaskCompletionSource<ReadAheadBlock>>> _readsUnderWay = [];

    /// <summary>Reads a run of batches from the one that holds an offset on, and keeps it for whoever reads on.</summary>
    /// <remarks>Readers that want the same offset share one read; the reads of all logs are bounded in number.</remarks>
    /// <exception cref="ColdReadsBusyException">Too many reads wait already.</exception>
    private async ValueTask<ReadAheadBlock> ReadBlockAsync(SegmentView view, long offset, int bytesMax)
    {
        TaskCompletionSource<ReadAheadBlock>? shared = null;
        lock (_gate)
        {
            if (_readsUnderWay.TryGetValue(offset, out var sharers))
            {
                sharers.Add(shared = new TaskCompletionSource<ReadAheadBlock>());
            }
            else
            {
                _readsUnderWay.Add(offset, []);
            }
        }

        if (shared is not null)
        {
            return await shared.Task.ConfigureAwait(false);
        }

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

    // One source for each who shares the read: of several that await one task all but the first would go to the thread pool.
    private List<TaskCompletionSource<ReadAheadBlock>> EndRead(long offset, ReadAheadBlock? block)
    {
        lock (_gate)
        {
            _readsUnderWay.Remove(offset, out var sharers);
            if (block is { } found && _end is null)
            {
                _blocks.Add(found);
            }

            return sharers ?? [];
        }
    }

    // Not cancelled by its caller: others may share it.
    private async ValueTask<ReadAheadBlock> ReadInTurnAsync(SegmentView view, long offset, int bytesMax)
    {
        await _resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            return await ReadFromStoreAsync(view, offset, bytesMax).ConfigureAwait(false);
        }
        finally
        {
            _resources.ColdReads.Leave();
        }
    }

    private async ValueTask<ReadAheadBlock> ReadFromStoreAsync(SegmentView view, long offset, int bytesMax)
    {
        var place = await FindPlaceAsync(view, index => index.FindPosition(offset), CancellationToken.None).ConfigureAwait(false);
        var lengthWanted = Math.Max(bytesMax, LogLimits.ReadAheadBytes) + (2 * LogLimits.IndexIntervalBytes);
        while (true)
        {
            var length = (int)Math.Min(lengthWanted, view.Length - place.Position);
            var bytes = GC.AllocateUninitializedArray<byte>(length);
            var read = await _segments.ReadAsync(view.Name, place.Position, bytes).ConfigureAwait(false);
            if (Check(bytes.AsMemory(0, read), place.Offset, offset, out var damage) is { } found)
            {
                return found with { HeldBytes = bytes.Length };
            }

            if (damage.LengthNeeded <= length || read < lengthWanted)
            {
                throw new LogCorruptException(new LogDamage(view.Name, place.Position + damage.Position, offset), damage.What);
            }

            lengthWanted = damage.LengthNeeded; // one batch larger than a read-ahead; when there is no more to read, its length is a lie
        }
    }

    /// <summary>Checks batches and takes those from the one that holds an offset on, up to a fence or damage.</summary>
    /// <param name="bytes">Bytes from the start of a batch on.</param>
    /// <param name="baseOffset">Where the chain of offsets stands there.</param>
    /// <param name="offset">The offset wanted.</param>
    /// <param name="damage">When null is returned: what is in the way.</param>
    private static ReadAheadBlock? Check(ReadOnlyMemory<byte> bytes, long baseOffset, long offset, out BlockDamage damage)
    {
        int start = -1, position = 0;
        long firstOffset = 0, endOffset = baseOffset;
        damage = default;
        while (position < bytes.Length)
        {
            var status = RecordBatchScanner.Validate(bytes.Span[position..], out var header, out var lengthBytes);
            var isFence = FenceBatch.IsFence(header, out _);
            // The base offset lies outside the CRC: the chain is what vouches for it.
            var isInChain = isFence || header.BaseOffset == endOffset;
            var isWanted = !isFence && header.LastOffset >= offset;
            if (status != RecordBatchStatus.Valid || !isInChain)
            {
                if (damage.What is null || status == RecordBatchStatus.Incomplete)
                {
                    damage = DamageOf(bytes.Span, position, status, header, endOffset);
                }

                // A damaged batch below what is wanted is passed over when the one behind it confirms the chain.
                if (status != RecordBatchStatus.BadCrc || !isInChain || isFence || isWanted || start >= 0)
                {
                    break;
                }
            }
            else if (isFence && start >= 0)
            {
                break;
            }
            else if (isWanted && start < 0)
            {
                (start, firstOffset) = (position, header.BaseOffset);
            }

            position += lengthBytes;
            endOffset = isFence ? endOffset : header.NextOffset;
        }

        if (start < 0 || firstOffset > offset)
        {
            damage = damage.What is null ? new BlockDamage(position, "the batch is not there") : damage;
            return null;
        }

        return new ReadAheadBlock(firstOffset, endOffset, bytes[start..position], position - start);
    }

    private static BlockDamage DamageOf(
        ReadOnlySpan<byte> bytes, int position, RecordBatchStatus status, in RecordBatchHeader header, long endOffset) => status switch
    {
        RecordBatchStatus.Valid => new(position, $"a batch has base offset {header.BaseOffset} where {endOffset} was to follow"),
        RecordBatchStatus.Incomplete => new(position, "a batch is cut short")
        {
            LengthNeeded = LengthNeeded(bytes[position..], position),
        },
        _ => new(position, $"a batch fails its check ({status})"),
    };

    /// <summary>What is in the way of a read.</summary>
    /// <param name="Position">Where, from the start of the bytes.</param>
    /// <param name="What">What is wrong there.</param>
    private readonly record struct BlockDamage(int Position, string What)
    {
        /// <summary>The bytes that would hold the batch, if it is only cut short; else 0.</summary>
        public int LengthNeeded { get; init; }
    }

    private static int LengthNeeded(ReadOnlySpan<byte> rest, int position) =>
        position + (RecordBatchHeader.TryRead(rest, out var header)
            ? Math.Clamp(header.LengthBytes, 0, LogLimits.GroupBytesMax)
            : RecordBatchHeader.HeaderLengthBytes) is var length and > 0
            ? length
            : 0;
}
