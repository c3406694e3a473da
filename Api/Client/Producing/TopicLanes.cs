using System.Collections.Concurrent;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Client.Producing;

/// <summary>The lanes of a topic's partitions, and which of them a record goes to.</summary>
/// <param name="context">What all partitions share.</param>
internal sealed class TopicLanes(SendingContext context) : IDisposable
{
    private readonly StickyPartitioner _turns = new(Random.Shared.Next());
    private readonly ConcurrentDictionary<int, PartitionLane> _lanes = new();
    private readonly object _gate = new();
    private Keyless? _keyless;
    private int _hotTurn;

    /// <summary>Adds a record to its partition's lane.</summary>
    /// <param name="record">The record.</param>
    /// <param name="partition">The partition that it names; null for none.</param>
    /// <param name="shape">What is known of the topic.</param>
    /// <param name="delivery">Is told what becomes of it; null for nobody.</param>
    /// <param name="index">The record's place in the delivery.</param>
    public void Add(in EncodedRecord record, int? partition, TopicShape shape, IDelivery? delivery, int index)
    {
        if (partition is { } named)
            LaneOf(named).Add(record, delivery, index);
        else if (record.HasKey)
            AddByKey(record, shape, delivery, index);
        else if (StickyLane(shape) is not { } lane || !lane.TryAddToBatch(record, delivery, index))
            BeginBatch(record, shape, delivery, index);
    }

    /// <summary>Adds records of a list, in its order, to their partitions' lanes.</summary>
    /// <param name="run">The records.</param>
    /// <param name="shape">What is known of the topic.</param>
    /// <param name="delivery">Is told what becomes of them; null for nobody.</param>
    /// <param name="index">The first one's place in the delivery.</param>
    public void Add(RecordRun run, TopicShape shape, IDelivery? delivery, int index)
    {
        for (var next = 0; next < run.Count;)
        {
            var added = run.IsFree(next) && StickyLane(shape) is { } lane ? lane.TryAddToBatch(run, next, delivery, index + next) : 0;
            next += added;
            if (added == 0)
            {
                Add(run[next], run.PartitionOf(next), shape, delivery, index + next);
                next++;
            }
        }
    }

    /// <summary>Sends what has gathered, without waiting for more.</summary>
    public void Hurry()
    {
        foreach (var lane in _lanes)
            lane.Value.Hurry();
    }

    /// <summary>Sends what has gathered, without waiting for more.</summary>
    /// <returns>Ends once it is known what became of every record that was here at the call.</returns>
    public Task FlushAsync() => Task.WhenAll(_lanes.Values.Select(lane => lane.FlushAsync()));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var lane in _lanes.Values)
            lane.Dispose();
    }

    // Without a lock: if another thread goes on to the next partition meanwhile, the batch of this one is as good for a record without a key.
    private PartitionLane? StickyLane(TopicShape shape) =>
        Volatile.Read(ref _keyless) is { } keyless && keyless.Partition < shape.Partitions ? keyless.Lane : null;

    // A batch's worth goes to one partition, and then it is the next one's turn (KIP-480).
    private void BeginBatch(in EncodedRecord record, TopicShape shape, IDelivery? delivery, int index)
    {
        lock (_gate)
        {
            // Another thread may have begun one since.
            if (StickyLane(shape) is { } lane && lane.TryAddToBatch(record, delivery, index))
                return;
            var partition = _turns.Next(shape.Partitions);
            var next = LaneOf(partition);
            next.Add(record, delivery, index);
            Volatile.Write(ref _keyless, new Keyless(partition, next));
        }
    }

    private void AddByKey(in EncodedRecord record, TopicShape shape, IDelivery? delivery, int index)
    {
        if (shape.Spread is not { } spread || !spread.IsHot(record.Key))
        {
            LaneOf(KeyPartitioner.Choose(record.Key, shape.Partitions)).Add(record, delivery, index);
            return;
        }

        // As without a key, a batch's worth goes to one sub-key, and then it is the next one's turn.
        lock (_gate)
        {
            if (LaneOf(spread.Choose(record.Key, shape.Partitions, _hotTurn)).TryAddToBatch(record, delivery, index))
                return;
            _hotTurn = (_hotTurn + 1) & int.MaxValue;
            LaneOf(spread.Choose(record.Key, shape.Partitions, _hotTurn)).Add(record, delivery, index);
        }
    }

    private PartitionLane LaneOf(int partition) => _lanes.GetOrAdd(
        partition,
        static (number, context) => new PartitionLane(context.Options, new BatchSender(context, number), context.Writers, context.Calls.Time),
        context);

    /// <summary>The partition that gets records without a key.</summary>
    private sealed record Keyless(int Partition, PartitionLane Lane);
}
