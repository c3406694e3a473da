using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Reads many partitions at once for one caller, who asks again and again. A partition that had nothing new is waited on, also between two reads, and not
/// asked again before something came: so a thousand partitions cost as much as those that have traffic.
/// </summary>
/// <remarks>One read at a time.</remarks>
/// <param name="access">Decides who may.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="known">Knows which topics there are.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="time">The clock.</param>
public sealed class PartitionSetReader(
    AccessControl access, TopicRoutes routes, KnownTopics known, NodeAnswers node, NodeWaits waits, TimeProvider time) : IDisposable
{
    private readonly Dictionary<PartitionToWaitOn, PartitionWait> _waits = [];
    private readonly WakeSignal _woken = new();
    private int _turn;

    /// <summary>Reads until there is as much as is wanted, or the wait is over.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="partitions">The partitions, each of them once.</param>
    /// <param name="bounds">How much, and how long.</param>
    /// <param name="cancellationToken">Ends the wait: then the read ends with what there is.</param>
    /// <returns>What was read; it holds memory of the node until it is disposed.</returns>
    public async Task<PartitionSetRead> ReadAsync(
        Caller caller, IReadOnlyList<PartitionToRead> partitions, SetReadBounds bounds, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        DropOthers(partitions);
        var read = new PartitionSetRead(partitions.Count, node);
        var start = partitions.Count == 0 ? 0 : (int)((uint)_turn++ % (uint)partitions.Count);
        while (true)
        {
            _woken.Reset();
            await ReadOnceAsync(caller, partitions, start, bounds.BytesMax, read, cancellationToken);
            var left = bounds.Wait - time.GetElapsedTime(startedAt);
            // An error is told when somebody has waited for it: clients ask again at once.
            var isEnough = read.Bytes >= Math.Max(1, bounds.BytesMin)
                || (read.HasErrors && time.GetElapsedTime(startedAt) >= ReadingLimits.ErrorPause);
            if (isEnough || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return read;
            var isWaiting = WaitOnAll(partitions, read);
            var pause = read.HasErrors ? ReadingLimits.ErrorPause : isWaiting ? left : ReadingLimits.UnwaitedPause;
            await _woken.WaitAsync(pause < left ? pause : left, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var wait in _waits.Values)
            wait.Dispose();
        _waits.Clear();
    }

    private async Task ReadOnceAsync(
        Caller caller, IReadOnlyList<PartitionToRead> partitions, int start, int bytesMax, PartitionSetRead read, CancellationToken cancellationToken)
    {
        read.Clear();
        var pending = new List<Task>();
        for (var n = 0; n < partitions.Count; n++)
        {
            var i = (start + n) % partitions.Count;
            var one = partitions[i];
            // Asked each time: the right may have been taken away while it waited.
            if (access.FindRefusal(caller, AccessOperations.Read, one.Topic) is { } refusal)
            {
                read.Set(i, Failed(one, refusal));
                continue;
            }

            if (_waits.GetValueOrDefault(PartitionToWaitOn.Of(one)) is { IsOver: false } wait && wait.Offset == one.Offset)
            {
                read.Set(i, wait.Before);
                continue;
            }

            var reading = ReadOneAsync(caller, one, i, bytesMax, read, cancellationToken);
            if (!reading.IsCompletedSuccessfully)
                pending.Add(reading);
            if (pending.Count < ReadingLimits.SetReadsAtOnce)
                continue;
            await Task.WhenAll(pending);
            pending.Clear();
        }

        await Task.WhenAll(pending);
    }

    private async Task ReadOneAsync(
        Caller caller, PartitionToRead one, int index, int bytesMax, PartitionSetRead read, CancellationToken cancellationToken)
    {
        try
        {
            if (!known.IsKnown(one.Topic))
                await known.RequireAsync(caller, one.Topic, cancellationToken);
            var left = bytesMax - read.Bytes;
            if (left > 0)
            {
                var request = new FetchRequest(one.Offset, Math.Max(1, Math.Min(one.BytesMax, left)), WaitMs: 0) { TopicId = one.TopicId };
                read.Add(index, await routes.FetchAsync(one.Topic, one.Partition, request, cancellationToken), bytesMax);
            }
            else
            {
                // Nothing more fits: only how far its log goes is told.
                var request = new FetchRequest(FetchRequest.Latest, BytesMax: 1, WaitMs: 0) { TopicId = one.TopicId };
                read.Set(index, (await routes.FetchAsync(one.Topic, one.Partition, request, cancellationToken)) with { Offset = one.Offset, Batches = default });
            }
        }
        catch (StreamException exception)
        {
            read.Set(index, Failed(one, exception.Error));
        }
        catch (Exception exception) when (exception is OrleansException or TimeoutException)
        {
            read.Set(index, Failed(one, new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition did not answer just now.")));
        }
        catch (OperationCanceledException)
        {
            read.Set(index, Failed(one, new StreamError(StreamErrorCode.ShuttingDown, "The read was given up.")));
        }
    }

    private static FetchResponse Failed(PartitionToRead one, StreamError error) => new(error, one.Offset, default, HighWatermark: -1, LogStartOffset: -1);

    /// <summary>Waits on each partition that had nothing.</summary>
    /// <returns>False when the node has no room for all of them.</returns>
    private bool WaitOnAll(IReadOnlyList<PartitionToRead> partitions, PartitionSetRead read)
    {
        for (var i = 0; i < partitions.Count; i++)
        {
            var one = partitions[i];
            var before = read.Responses[i];
            if (before.Error is not null)
                continue;
            // Where something was read, but not enough, what comes behind it is waited for.
            var offset = before.Batches.IsEmpty ? one.Offset : StoredBatches.NextOffset(before.Batches.Span, one.Offset);
            var key = PartitionToWaitOn.Of(one);
            if (_waits.TryGetValue(key, out var wait))
            {
                if (wait.Offset == offset && !wait.IsOver)
                    continue;
                wait.Dispose();
                _waits.Remove(key);
            }

            if (!waits.TryTake(1))
                return false;
            _waits[key] = new PartitionWait(routes, waits, one, offset, before with { Batches = default }, _woken);
        }

        return true;
    }

    private void DropOthers(IReadOnlyList<PartitionToRead> partitions)
    {
        if (_waits.Count == 0)
            return;
        var wanted = new HashSet<PartitionToWaitOn>(partitions.Count);
        foreach (var one in partitions)
            wanted.Add(PartitionToWaitOn.Of(one));
        foreach (var (key, wait) in _waits)
        {
            if (wanted.Contains(key))
                continue;
            wait.Dispose();
            _waits.Remove(key);
        }
    }
}

/// <summary>What to read of one partition.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The first offset wanted.</param>
/// <param name="BytesMax">The most bytes of batches; the first batch comes even when it is larger.</param>
/// <param name="TopicId">The topic that must have the name; null for whichever has it.</param>
public readonly record struct PartitionToRead(string Topic, int Partition, long Offset, int BytesMax, Guid? TopicId = null);

/// <summary>A partition that is waited on.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">The topic that must have the name; null for whichever has it.</param>
/// <param name="Partition">The partition's number.</param>
internal readonly record struct PartitionToWaitOn(string Topic, Guid? TopicId, int Partition)
{
    /// <summary>The partition of a read.</summary>
    /// <param name="one">The read.</param>
    public static PartitionToWaitOn Of(in PartitionToRead one) => new(one.Topic, one.TopicId, one.Partition);
}

/// <summary>How much to read over all partitions, and how long to wait for it.</summary>
/// <param name="BytesMin">The bytes of batches at which the wait ends.</param>
/// <param name="BytesMax">The most bytes of batches; the first batch comes even when it is larger.</param>
/// <param name="Wait">The longest wait.</param>
public readonly record struct SetReadBounds(int BytesMin, int BytesMax, TimeSpan Wait);
