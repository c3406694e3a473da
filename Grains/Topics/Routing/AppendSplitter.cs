using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions;
using OrleansStream.Records;

namespace OrleansStream.Topics.Routing;

/// <summary>
/// Divides the records of batches over new batches, one stream of batches for each partition, without an object per record. Records that are not
/// compressed, before and after, are only selected here: the log copies them straight to their final place.
/// </summary>
internal readonly ref struct AppendSplitter
{
    private const int NoPosition = -1;

    private readonly ReadOnlyMemory<byte> _batches;
    private readonly ReadOnlySpan<int> _partitions;
    private readonly AppendContext _context;
    private readonly PartitionedAppends _appends;
    private readonly Dictionary<int, OpenBatch> _open;

    private AppendSplitter(ReadOnlyMemory<byte> batches, ReadOnlySpan<int> partitions, in AppendContext context)
    {
        _batches = batches;
        _partitions = partitions;
        _context = context;
        _appends = PartitionedAppends.Split(partitions.Length, context.Identity);
        _open = [];
    }

    /// <summary>Splits batches.</summary>
    /// <param name="batches">Whole batches, back to back.</param>
    /// <param name="partitions">Per record its partition, also one that the topic does not have.</param>
    /// <param name="context">The topic.</param>
    /// <param name="error">Why nothing can be appended; then the result is null.</param>
    /// <exception cref="RecordFormatException">A batch is malformed.</exception>
    /// <exception cref="StreamException">The records that would be written anew are too many, or for the whole process just now.</exception>
    public static PartitionedAppends? Split(
        ReadOnlyMemory<byte> batches, ReadOnlySpan<int> partitions, in AppendContext context, out StreamError? error)
    {
        var splitter = new AppendSplitter(batches, partitions, context);
        var isDone = false;
        try
        {
            error = splitter.Run();
            isDone = error is null;
            return isDone ? splitter._appends : null;
        }
        finally
        {
            if (!isDone)
                splitter._appends.Dispose();
        }
    }

    private RewriteWriters Writers => _appends.WritersIn(_context.Rewrites);

    private StreamError? Run()
    {
        var scanner = new RecordBatchScanner(_batches.Span);
        var record = 0;
        var unfolded = new UnfoldedLength();
        while (scanner.MoveNext())
        {
            var header = scanner.Header;
            var batch = _batches[scanner.Position..scanner.NextPosition];
            var partitions = _partitions.Slice(record, header.RecordCount);
            var isWhole = !partitions.ContainsAnyExcept(partitions[0]) && AppendPartitioner.IsPartition(partitions[0], _context);
            if (isWhole && AppendPartitioner.IsAsIs(batch.Span, header, _context, ref unfolded))
                AddAsIs(partitions[0], record, batch, header, scanner.Position);
            else if (!_context.IsWhole(header))
                AddRecords(scanner.Position, batch.Span, header, record);
            else if (!isWhole)
                return CannotSplit();
            else
                AddWholeBatch(partitions[0], record, batch, header);
            record += header.RecordCount;
        }

        // The headers were checked before, so only a checksum can be wrong.
        if (scanner.Status != RecordBatchStatus.End)
            return AppendPartitioner.Corrupt($"The batch at byte {scanner.NextPosition} fails its checksum.");
        foreach (var open in _open.Values)
            Close(open);
        _appends.Seal();
        return null;
    }

    /// <summary>
    /// Adds a batch as it is. If only its sequence numbers forbid that, its records are selected, and the partition numbers them while writing, which
    /// avoids a copy.
    /// </summary>
    private void AddAsIs(int partition, int record, ReadOnlyMemory<byte> batch, in RecordBatchHeader header, int position)
    {
        CloseOpen(partition);
        if (_appends.IsRightFor(partition, header) || !header.HasProducer || header.Compression != CompressionType.None)
            AddSent(partition, record, header.RecordCount, batch);
        else
            AddRecords(position, batch.Span, header, record);
    }

    /// <summary>Closes the open batch of a partition before a batch behind it is added, whose sequence numbers come next.</summary>
    private void CloseOpen(int partition)
    {
        if (_open.Remove(partition, out var open))
            Close(open);
    }

    private void AddSent(int partition, int record, int count, ReadOnlyMemory<byte> batch)
    {
        var unit = _appends.OpenUnit(partition);
        _appends.Assign(unit, record, count);
        _appends.CompleteSent(unit, batch);
    }

    /// <summary>Compresses a batch anew, into one batch, or refuses it as a whole.</summary>
    private void AddWholeBatch(int partition, int record, ReadOnlyMemory<byte> batch, in RecordBatchHeader header)
    {
        var compression = _context.Config.Compression ?? header.Compression;
        if (compression == header.Compression)
        {
            Refuse(partition, record, header.RecordCount, TooLarge("The batch", header.LengthBytes));
            return;
        }

        var writer = Writers.Open(new RecordBatchOptions
        {
            Compression = compression,
            ProducerId = header.ProducerId,
            ProducerEpoch = header.ProducerEpoch,
            BaseSequence = header.BaseSequence,
            IsTransactional = header.IsTransactional,
        });
        if (Rewrite(batch, writer, header.RecordCount) is { } refusal)
        {
            Writers.Drop(writer);
            Refuse(partition, record, header.RecordCount, refusal);
        }
        else
        {
            AddWritten(partition, record, header.RecordCount, writer);
        }
    }

    private void AddWritten(int partition, int record, int count, RecordBatchWriter writer)
    {
        CloseOpen(partition);
        var unit = _appends.OpenUnit(partition);
        _appends.Assign(unit, record, count);
        _appends.Complete(unit, Writers.Take(writer));
    }

    private StreamError? Rewrite(ReadOnlyMemory<byte> batch, RecordBatchWriter writer, int recordCount)
    {
        using var reader = RecordBatchReader.OfSent(batch.Span);
        _appends.TakeRoom(_context.Rewrites, reader.UnfoldedBytes ?? batch.Length);
        try
        {
            while (reader.TryReadNext(out var view))
            {
                // Before it is written: a batch holds no two times that are more than 64 bits apart.
                if (IsBadTimestamp(view.TimestampMs))
                    return BadTimestamp(view.TimestampMs);
                Write(writer, view);
            }

            writer.Finish();
            if (writer.WrittenBatch().Length <= BatchBytesMax(recordCount))
                return null;
        }
        catch (InvalidOperationException)
        {
            // The codec's own bound: a batch that unfolds to more than one store append takes.
        }

        return TooLarge("The batch, written anew,", writer.LengthBytes);
    }

    private void AddRecords(int position, ReadOnlySpan<byte> batch, in RecordBatchHeader header, int record)
    {
        var compression = _context.Config.Compression ?? header.Compression;
        var isChosen = compression == CompressionType.None && header.Compression == CompressionType.None;
        using var reader = RecordBatchReader.OfSent(batch);
        if (!isChosen)
            _appends.TakeRoom(_context.Rewrites, reader.UnfoldedBytes ?? batch.Length);
        while (reader.TryReadNext(out var view))
        {
            var partition = _partitions[record];
            var size = AppendPartitioner.SizeOf(view);
            var encodedLength = RecordBatchWriter.EncodedRecordLengthBytes(
                view.Key.Length, view.Value.Length, view.EncodedHeaders.Length);
            if (!AppendPartitioner.IsPartition(partition, _context))
                Refuse(partition, record, 1, PartitionErrors.NoSuchPartition(_context.Topic.Metadata.Name, partition, _context.PartitionCount));
            else if (size > _context.Config.MaxMessageBytes)
                Refuse(partition, record, 1, TooLarge("The record", size));
            else if (RecordBatchHeader.HeaderLengthBytes + encodedLength > BatchBytesMax(recordCount: 1))
                Refuse(partition, record, 1, TooLarge("The record, with its very many headers,", encodedLength));
            else if (IsBadTimestamp(view.TimestampMs))
                Refuse(partition, record, 1, BadTimestamp(view.TimestampMs));
            else
                AddRecord(partition, record, view, isChosen ? position + reader.RecordPosition : NoPosition, encodedLength, compression);
            record++;
        }
    }

    private void AddRecord(int partition, int record, in RecordView view, int position, int encodedLength, CompressionType compression)
    {
        _open.TryGetValue(partition, out var open);
        if (open is not null
            && (open.Compression != compression || open.Selection is null != (position == NoPosition)
                || open.LengthBytes + encodedLength > _context.Config.MaxMessageBytes))
        {
            Close(open);
            open = null;
        }

        open ??= _open[partition] = Open(partition, compression, isChosen: position != NoPosition);
        if (open.Selection is { } selection)
            selection.Add(position, view.TimestampMs);
        else
            Write(open.Writer!, view);
        _appends.Assign(open.Unit, record);
    }

    private OpenBatch Open(int partition, CompressionType compression, bool isChosen)
    {
        var options = _appends.OptionsFor(partition, compression);
        if (isChosen)
            return new OpenBatch(null, _appends.TakeSelection(options, _batches), _appends.OpenUnit(partition), compression);
        // An even share, and a quarter more since shares are not: memory that grows is copied.
        var lengthBytes = Math.Min(_batches.Length / _context.PartitionCount * 5 / 4, _context.Config.MaxMessageBytes);
        var writer = Writers.Open(options, lengthBytes);
        return new OpenBatch(writer, null, _appends.OpenUnit(partition), compression);
    }

    private void Close(OpenBatch open)
    {
        open.Writer?.Finish();
        _appends.Complete(open.Unit, open.Selection is { } selection ? new AppendBatches(selection) : Writers.Take(open.Writer!));
    }

    private void Refuse(int partition, int record, int count, StreamError error) => _appends.Refuse(partition, record, count, error);

    private StreamError TooLarge(string what, int size) => new(
        StreamErrorCode.MessageTooLarge,
        $"{what} has {size} bytes, and the topic's max.message.bytes is {_context.Config.MaxMessageBytes}. "
        + "Store the payload in a blob (for instance Azure Blob Storage) and send its address.");

    /// <summary>What the log takes: a batch of one record may add its framing to the record's own bytes.</summary>
    private int BatchBytesMax(int recordCount) =>
        _context.Config.MaxMessageBytes + (recordCount == 1 ? LogLimits.RecordFramingBytesMax : 0);

    private bool IsBadTimestamp(long timestampMs) => timestampMs < AppendContext.TimestampMsMin || timestampMs > _context.TimestampMsMax;

    private StreamError BadTimestamp(long timestampMs) => new(
        StreamErrorCode.InvalidTimestamp,
        timestampMs < AppendContext.TimestampMsMin
            ? $"The record's timestamp is {timestampMs} ms since 1970; it must not be negative."
            : $"The record is dated {timestampMs - _context.NowMs} ms ahead of the server's clock; "
                + $"the topic's message.timestamp.after.max.ms is {_context.Config.TimestampAfterMaxMs}.")
    {
        Field = "timestamp",
    };

    private static void Write(RecordBatchWriter writer, in RecordView view) =>
        writer.Append(view.TimestampMs, view.Key, view.HasKey, view.Value, view.HasValue, view.EncodedHeaders);

    private static StreamError CannotSplit() => new(
        StreamErrorCode.InvalidRecord,
        "A batch with a producer id cannot be split over partitions, and its records belong to several. Name the partition.")
    {
        Field = "partition",
    };

    private sealed record OpenBatch(RecordBatchWriter? Writer, RecordSelection? Selection, int Unit, CompressionType Compression)
    {
        public int LengthBytes => Selection?.LengthBytes ?? Writer!.LengthBytes;
    }
}
