using OrleansStream.Records;

namespace OrleansStream.Client.Producing;

/// <summary>
/// The records of one partition, in their order: those that gather for the next batch, batches that are full, and the one under way. One request is
/// under way at a time, which keeps the order; what comes meanwhile shares the next one.
/// </summary>
internal sealed class PartitionLane : IDisposable
{
#if NET9_0_OR_GREATER
    private readonly Lock _gate = new();
#else
    private readonly object _gate = new();
#endif
    private readonly ProducerOptions _options;
    private readonly BatchSender _sender;
    private readonly BatchWriters _writers;
    private readonly RecordBatchOptions _header;
    private readonly TimeProvider _time;
    private readonly ITimer? _timer;
    private readonly Queue<OutgoingBatch> _full = new();
    private OutgoingBatch? _open;
    private OutgoingBatch? _underWay;
    private bool _isDue;
    private bool _isRunning;

    /// <summary>Begins without records.</summary>
    /// <param name="options">The producer's settings.</param>
    /// <param name="sender">Sends the batches of this partition.</param>
    /// <param name="writers">Gives writers.</param>
    /// <param name="time">The clock for the linger, and for when records are taken.</param>
    public PartitionLane(ProducerOptions options, BatchSender sender, BatchWriters writers, TimeProvider time)
    {
        (_options, _sender, _writers, _time) = (options, sender, writers, time);
        _header = BatchWriters.HeaderOf(options);
        if (options.Linger > TimeSpan.Zero)
            _timer = time.CreateTimer(static lane => ((PartitionLane)lane!).Hurry(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Adds a record behind all others.</summary>
    /// <param name="record">The record.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    public void Add(in EncodedRecord record, IDelivery? delivery, int index)
    {
        lock (_gate)
        {
            if (!HasRoom(record.LengthBytes))
                Close();
            if (_open is null)
            {
                _open = new OutgoingBatch(_writers.Rent(), _time.GetTimestamp());
                _open.Writer.Reset(_header);
                _timer?.Change(_options.Linger, Timeout.InfiniteTimeSpan);
            }

            AddToOpen(record, delivery, index);
            Run();
        }
    }

    /// <summary>Adds a record to the batch that gathers. A batch without room for it ends.</summary>
    /// <param name="record">The record.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    /// <returns>False when no batch gathers, and the record is not added: it would begin one.</returns>
    public bool TryAddToBatch(in EncodedRecord record, IDelivery? delivery, int index)
    {
        lock (_gate)
        {
            if (!HasRoom(record.LengthBytes))
            {
                Close();
                Run();
            }

            if (_open is null)
                return false;
            AddToOpen(record, delivery, index);
            Run();
            return true;
        }
    }

    /// <summary>Adds records of a list to the batch that gathers, as many as it has room for.</summary>
    /// <param name="run">The records.</param>
    /// <param name="from">The first one's place in the run. No further one is added behind a record that has a key or a partition.</param>
    /// <param name="delivery">Is told what becomes of them; null for nobody.</param>
    /// <param name="index">The first one's place in the delivery.</param>
    /// <returns>How many were added: none when no batch gathers.</returns>
    public int TryAddToBatch(RecordRun run, int from, IDelivery? delivery, int index)
    {
        lock (_gate)
        {
            var next = from;
            for (; _open is not null && next < run.Count && run.IsFree(next); next++)
            {
                var record = run[next];
                if (HasRoom(record.LengthBytes))
                    AddToOpen(record, delivery, index + next - from);
                else
                    break;
            }

            if (next == from && _open is not null)
                Close();
            Run();
            return next - from;
        }
    }

    /// <summary>Sends what has gathered, without waiting for more. Nobody waits for what becomes of it.</summary>
    public void Hurry()
    {
        lock (_gate)
        {
            if (_open is null)
                return;
            _isDue = true;
            Run();
        }
    }

    /// <summary>Sends what has gathered, without waiting for more.</summary>
    /// <returns>Ends once it is known what became of every record that was here at the call.</returns>
    public Task FlushAsync()
    {
        lock (_gate)
        {
            List<Task> ends = [.. _full.Select(batch => batch.Ended)];
            if (_underWay is { } sent)
                ends.Add(sent.Ended);
            if (_open is { } open)
            {
                ends.Add(open.Ended);
                _isDue = true;
                Run();
            }

            return ends.Count == 0 ? Task.CompletedTask : Task.WhenAll(ends);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private bool HasRoom(int lengthBytes) =>
        _open is null || _open.Writer.LengthBytes + lengthBytes <= Math.Max(_options.BatchSize, RecordBatchHeader.HeaderLengthBytes);

    private void AddToOpen(in EncodedRecord record, IDelivery? delivery, int index)
    {
        _open!.Add(record, delivery, index);
        if (_open.Writer.LengthBytes >= _options.BatchSize || _open.Writer.Count >= ProducerLimits.BatchRecordsMax)
            Close();
    }

    private void Close()
    {
        _full.Enqueue(_open!);
        _open = null;
        _isDue = false;
    }

    // The runner takes the batch when it gets there, and records gather till then.
    private void Run()
    {
        if (_isRunning || (_full.Count == 0 && !IsOpenDue))
            return;
        _isRunning = true;
        ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.RunAsync(), this, preferLocal: false);
    }

    private bool IsOpenDue => _open is not null && (_isDue || _options.Linger == TimeSpan.Zero);

    private async Task RunAsync()
    {
        while (Take() is { } batch)
        {
            await _sender.SendAsync(batch).ConfigureAwait(false);
            lock (_gate)
                _underWay = null;
            batch.End();
        }
    }

    private OutgoingBatch? Take()
    {
        lock (_gate)
        {
            if (_full.Count == 0 && IsOpenDue)
                Close();
            _isRunning = _full.TryDequeue(out _underWay);
            return _underWay;
        }
    }
}
