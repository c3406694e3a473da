using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Reads many partitions at once for one caller, who reads again and again. If a partition had nothing new, the reader waits for it, also between two
/// reads, and reads it again only after something came. A thousand partitions therefore cost only as much as those that have traffic.
/// </summary>
/// <remarks>Not safe for several threads: only one read may run at a time.</remarks>
/// <param name="access">Decides what the caller may read.</param>
/// <param name="routes">Routes calls to the topics' partitions.</param>
/// <param name="known">Knows which topics exist.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's bound of waiting reads.</param>
/// <param name="time">Times the waits for records.</param>
public sealed class PartitionSetReader(
    AccessControl access, TopicRoutes routes, KnownTopics known, NodeAnswers node, NodeWaits waits, TimeProvider time) : IDisposable
{
    private readonly Dictionary<PartitionToWaitOn, PartitionWait> _waits = [];
    private readonly WakeSignal _woken = new();
    private int _turn;

    /// <summary>
    /// Reads until <see cref="SetReadBounds.BytesMin"/> bytes, and at least one batch, are there, or the wait is over. If a partition has an error,
    /// the read also ends, but not before <see cref="ReadingLimits.ErrorPause"/>.
    /// </summary>
    /// <param name="caller">The caller, whose right to read each topic is checked.</param>
    /// <param name="partitions">The partitions to read; no partition may appear twice.</param>
    /// <param name="bounds">How much to read, and how long to wait.</param>
    /// <param name="cancellationToken">Ends the wait; the read then returns what it has, without an exception.</param>
    /// <returns>The responses of the partitions; the caller must dispose them to return their memory.</returns>
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
            // An error is returned only after a pause, because clients repeat the read at once.
            var isEnough = read.Bytes >= Math.Max(1, bounds.BytesMin)
                || (read.HasErrors && time.GetElapsedTime(startedAt) >= ReadingLimits.ErrorPause);
            if (isEnough || left <= TimeSpan.Zero || cancellationToken.IsCancellationRequested)
                return read;
            var isWaiting = WaitOnAll(partitions, read);
            var pause = read.HasErrors ? ReadingLimits.ErrorPause : isWaiting ? left : ReadingLimits.UnwaitedPause;
            // When the caller loses a right, the next round finds out which one.
            using var watch = access.Watch(caller, () => FindNewRefusal(caller, partitions, read), cancellationToken);
            await _woken.WaitAsync(pause < left ? pause : left, time, watch.Token);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var wait in _waits.Values)
            wait.Dispose();
        _waits.Clear();
    }

    private StreamError? FindNewRefusal(Caller caller, IReadOnlyList<PartitionToRead> partitions, PartitionSetRead read)
    {
        for (var i = 0; i < partitions.Count; i++)
        {
            if (read.Responses[i].Error is null
                && access.FindRefusal(caller, AccessOperations.Read, partitions[i].Topic, nameof(ReadAsync)) is { } refusal)
            {
                return refusal;
            }
        }

        return null;
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
            // Checks the right on each read, because it may have been revoked during the wait.
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
                // No more batches fit, so this reads only the bounds of the partition's log.
                var request = new FetchRequest(FetchRequest.Latest, BytesMax: 1, WaitMs: 0) { TopicId = one.TopicId };
                read.Set(index,
                    (await routes.FetchAsync(one.Topic, one.Partition, request, cancellationToken)) with { Offset = one.Offset, Batches = default });
            }
        }
        catch (StreamException exception)
        {
            read.Set(index, Failed(one, exception.Error));
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, cancellationToken))
        {
            read.Set(index, Failed(one, new StreamError(StreamErrorCode.NotLeaderOrFollower, "The partition did not answer.")));
        }
        catch (OperationCanceledException)
        {
            read.Set(index, Failed(one, new StreamError(StreamErrorCode.ShuttingDown, "The read was canceled.")));
        }
    }

    private static FetchResponse Failed(PartitionToRead one, StreamError error) =>
        new(error, one.Offset, default, HighWatermark: -1, LogStartOffset: -1);

    /// <summary>Starts a wait for each partition that has no error and is not waited for yet.</summary>
    /// <returns>False when the node has no room for all of these waits.</returns>
    private bool WaitOnAll(IReadOnlyList<PartitionToRead> partitions, PartitionSetRead read)
    {
        for (var i = 0; i < partitions.Count; i++)
        {
            var one = partitions[i];
            var before = read.Responses[i];
            if (before.Error is not null)
                continue;
            // If batches were read, but too few, the wait is for the first offset behind them.
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
/// <param name="Offset">The first offset to read.</param>
/// <param name="BytesMax">The most bytes of batches; the first batch is returned even if it is larger.</param>
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
/// <param name="BytesMax">The most bytes of batches; the first batch is returned even if it is larger.</param>
/// <param name="Wait">The longest wait.</param>
public readonly record struct SetReadBounds(int BytesMin, int BytesMax, TimeSpan Wait);
