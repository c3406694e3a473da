using OrleansStream.Errors;
using OrleansStream.Records;
using OrleansStream.Storage;

namespace OrleansStream.Log;

// Reading from segments: find the place by index, read ahead, check every batch before anybody sees it.
public sealed partial class PartitionLog
{
    private readonly ReadAheadCache _blocks;
    private readonly Dictionary<long, List<TaskCompletionSource<ReadAheadBlock>>> _readsUnderWay = [];

    /// <summary>A segment as a reader sees it: up to its durable length at one moment.</summary>
    private readonly record struct SegmentView(string Name, long BaseOffset, long Length);

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

    /// <summary>The segment that holds an offset of the log. Under the gate, as retention may take segments away.</summary>
    private SegmentView FindSegment(long offset)
    {
        if (offset >= _active.Manifest.BaseOffset)
        {
            return new SegmentView(_active.Name, _active.Manifest.BaseOffset, _active.Position);
        }

        int low = 0, high = _sealed.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            (low, high) = _sealed[middle].BaseOffset <= offset ? (middle, high) : (low, middle - 1);
        }

        var segment = _sealed[low];
        return new SegmentView(segment.Name, segment.BaseOffset, segment.Length);
    }

    private async ValueTask<IndexedPlace> FindPlaceAsync(
        SegmentView view, Func<SegmentIndex, IndexedPlace> find, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            var known = view.Name == _active.Name ? _active.Index : _indexes.Find(view.Name);
            if (known is not null)
            {
                return find(known);
            }
        }

        var index = await LoadIndexAsync(view, cancellationToken).ConfigureAwait(false);
        lock (_gate)
        {
            _indexes.Add(view.Name, index);
            return find(index);
        }
    }

    private async ValueTask<SegmentIndex> LoadIndexAsync(SegmentView view, CancellationToken cancellationToken)
    {
        var name = SegmentName.IndexOf(view.Name);
        try
        {
            var document = await _documents.ReadAsync(name, cancellationToken).ConfigureAwait(false);
            if (document is { } found && SegmentIndex.TryParse(view.BaseOffset, found.Bytes.Span) is { } stored)
            {
                return stored;
            }
        }
        catch (CorruptDocumentException)
        {
            // made again below
        }

        var scan = new SegmentScan(_segments, view.Name, view.BaseOffset, new ProducerStates(), NowMs);
        await scan.RunAsync(view.Length, cancellationToken).ConfigureAwait(false);
        return scan.Index; // as far as the segment is whole: what is damaged is found, and said, when it is read
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

    /// <summary>Finds the first offset dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The offset and its time; or the high watermark when nothing is that new.</returns>
    public async ValueTask<LogFindResult> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken = default)
    {
        try
        {
            long logStart, endOffset;
            List<SegmentView> candidates;
            lock (_gate)
            {
                if (_end is not null)
                {
                    return new LogFindResult(EndError(), -1, -1);
                }

                (logStart, endOffset) = (_logStartOffset, _endOffset);
                candidates = [.. _sealed.Where(s => s.EndOffset > logStart && s.MaxTimestampMs >= timestampMs)
                    .Select(s => new SegmentView(s.Name, s.BaseOffset, s.Length))];
                if (_active.MaxTimestampMs >= timestampMs)
                {
                    candidates.Add(new SegmentView(_active.Name, _active.Manifest.BaseOffset, _active.Position));
                }
            }

            if (await FindInTurnAsync(candidates, timestampMs, logStart, cancellationToken).ConfigureAwait(false) is { } found)
            {
                return found;
            }

            return await IsProvenAsync(cancellationToken).ConfigureAwait(false)
                ? new LogFindResult(null, endOffset, -1)
                : new LogFindResult(EndError(), -1, -1);
        }
        catch (Exception e) when (e is StoreUnavailableException or SegmentNotFoundException or CorruptDocumentException)
        {
            return new LogFindResult(
                new LogError(StreamErrorCode.KafkaStorageError, $"The store could not be read: {e.Message}"), -1, -1);
        }
        catch (LogCorruptException e)
        {
            return new LogFindResult(new LogError(StreamErrorCode.PartitionOffline, e.Message) { Damage = e.Damage }, -1, -1);
        }
        catch (ColdReadsBusyException e)
        {
            return new LogFindResult(Busy(e), -1, -1);
        }
    }

    private static LogError Busy(ColdReadsBusyException exception) => new(
        StreamErrorCode.ThrottlingQuotaExceeded, $"{exception.Message} Try again.", RetryAfter: LogLimits.RetryPauseMax);

    private async ValueTask<LogFindResult?> FindInTurnAsync(
        List<SegmentView> candidates, long timestampMs, long logStart, CancellationToken cancellationToken)
    {
        if (candidates.Count == 0)
        {
            return null;
        }

        await _resources.ColdReads.EnterAsync().ConfigureAwait(false);
        try
        {
            foreach (var view in candidates)
            {
                var found = await FindInSegmentAsync(view, timestampMs, logStart, cancellationToken).ConfigureAwait(false);
                if (found.Offset >= 0)
                {
                    return found;
                }
            }

            return null;
        }
        finally
        {
            _resources.ColdReads.Leave();
        }
    }

    private async ValueTask<LogFindResult> FindInSegmentAsync(
        SegmentView view, long timestampMs, long fromOffset, CancellationToken cancellationToken)
    {
        var (position, baseOffset) = await FindPlaceAsync(
            view, index => index.FindPositionByTime(timestampMs), cancellationToken).ConfigureAwait(false);
        while (position < view.Length)
        {
            var bytes = new byte[(int)Math.Min(LogLimits.GroupBytesMax, view.Length - position)];
            var read = await _segments.ReadAsync(view.Name, position, bytes, cancellationToken).ConfigureAwait(false);
            var scanned = FindInBatches(bytes.AsSpan(0, read), timestampMs, fromOffset, ref baseOffset, out var found);
            if (found.Offset >= 0)
            {
                return found;
            }

            if (scanned == 0)
            {
                throw new LogCorruptException(
                    new LogDamage(view.Name, position, baseOffset), $"a batch fails its check, where time {timestampMs} is searched");
            }

            position += scanned;
        }

        return new LogFindResult(null, -1, -1);
    }

    private static int FindInBatches(
        ReadOnlySpan<byte> bytes, long timestampMs, long fromOffset, ref long endOffset, out LogFindResult found)
    {
        found = new LogFindResult(null, -1, -1);
        var position = 0;
        while (RecordBatchScanner.Validate(bytes[position..], out var header, out var lengthBytes) == RecordBatchStatus.Valid)
        {
            var isFence = FenceBatch.IsFence(header, out _);
            if (!isFence && header.BaseOffset != endOffset)
            {
                break; // its CRC does not vouch for it, and the chain speaks against it
            }

            if (header.MaxTimestamp >= timestampMs && header.LastOffset >= fromOffset && header.RecordCount > 0)
            {
                using var records = new StoredBatchReader(bytes.Slice(position, lengthBytes));
                while (records.TryReadNext(out var record))
                {
                    if (record.TimestampMs >= timestampMs && record.Offset >= fromOffset)
                    {
                        found = new LogFindResult(null, record.Offset, record.TimestampMs);
                        return position;
                    }
                }

                // What cannot be read may be that new, as far as the header says.
                if (records.UnreadableFrom(fromOffset) is { } unreadable)
                {
                    found = new LogFindResult(null, unreadable.Offset, header.MaxTimestamp);
                    return position;
                }
            }

            position += lengthBytes;
            endOffset = isFence ? endOffset : header.NextOffset;
        }

        return position;
    }
}
