using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Partitions;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>
/// Reads many partitions at once for one caller, who reads again and again. If a partition had nothing new, the reader waits for it, also between two
/// reads, and reads it again only after something came. A thousand partitions therefore cost only as much as those that have traffic. A partition
/// whose owner hangs, or is only opening it, holds up the others for a moment only: its read goes on behind the answer.
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

    // The partitions that did not answer in time last. Those that have answered since then stay, because they are waited for longer.
    private readonly Dictionary<PartitionToWaitOn, LateRead> _late = [];
    private readonly CancellationTokenSource _ended = new();
    private readonly WakeSignal _woken = new();
    private int _turn;

    /// <summary>
    /// Reads until <see cref="SetReadBounds.BytesMin"/> bytes, and at least one batch, are there, or the wait is over. If a partition has an error,
    /// the read also ends, but not before <see cref="ReadingLimits.ErrorPause"/>. A partition that does not answer within
    /// <see cref="ReadingLimits.SlowPartitionWait"/> has the error of one that is moving until it has answered.
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
        if (_ended.IsCancellationRequested)
            return;
        _ended.Cancel();
        _ended.Dispose();
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
        var round = new Round(partitions, bytesMax, read);
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

            if (FindReasonNotToAsk(one, cancellationToken) is { } reason)
            {
                read.Set(i, Failed(one, reason));
                continue;
            }

            var reading = ReadOneAsync(caller, one, bytesMax - read.Bytes, _ended.Token);
            if (reading.IsCompletedSuccessfully)
                TakeAnswer(round, i, reading.Result, isSlow: false);
            else
                round.Pending.Add((i, reading.AsTask()));
            if (round.Pending.Count >= ReadingLimits.SetReadsAtOnce)
                await SettleAsync(round, cancellationToken);
        }

        await SettleAsync(round, cancellationToken);
    }

    private StreamError? FindReasonNotToAsk(PartitionToRead one, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Canceled
        : _late.Count > 0 && _late.TryGetValue(PartitionToWaitOn.Of(one), out var late) && !late.IsOver ? Unanswered
        : null;

    /// <summary>Waits for the answers of the partitions that were asked, and leaves behind those that take long.</summary>
    private async Task SettleAsync(Round round, CancellationToken cancellationToken)
    {
        if (round.Pending.Count == 0)
            return;
        var askedAt = time.GetTimestamp();
        Task answered = Task.WhenAll(round.Pending.Select(one => one.Reading));
        await answered.WaitAsync(FindPatience(round), time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var isSlow = time.GetElapsedTime(askedAt) >= ReadingLimits.SlowPartitionWait;
        foreach (var (i, reading) in round.Pending)
        {
            if (reading.IsCompleted)
            {
                TakeAnswer(round, i, await reading, isSlow);
                continue;
            }

            round.HasLeftBehind = true;
            _late[PartitionToWaitOn.Of(round.Partitions[i])] = new LateRead(reading, _woken);
            round.Read.Set(i, Failed(round.Partitions[i], cancellationToken.IsCancellationRequested ? Canceled : Unanswered));
        }

        round.Pending.Clear();
    }

    // What has once answered late is slow, and does not hang: were it left behind again and again, it would never be read.
    private TimeSpan FindPatience(Round round) =>
        _late.Count >= ReadingLimits.LateReadsMax ? Timeout.InfiniteTimeSpan
        : _late.Count > 0 && round.Pending.Exists(one => _late.ContainsKey(PartitionToWaitOn.Of(round.Partitions[one.Index])))
            ? ReadingLimits.SlowPartitionWaitMax
        : round.HasLeftBehind ? ReadingLimits.SlowPartitionWaitMin
        : ReadingLimits.SlowPartitionWait;

    private void TakeAnswer(Round round, int index, in FetchResponse response, bool isSlow)
    {
        round.Read.Add(index, response, round.BytesMax);
        if (_late.Count > 0 && !isSlow)
            _late.Remove(PartitionToWaitOn.Of(round.Partitions[index]));
    }

    /// <summary>Reads one partition, for as long as this reader lives.</summary>
    private async ValueTask<FetchResponse> ReadOneAsync(Caller caller, PartitionToRead one, int bytesLeft, CancellationToken ended)
    {
        try
        {
            if (!known.IsKnown(one.Topic))
                await known.RequireAsync(caller, one.Topic, ended);
            if (bytesLeft > 0)
            {
                var request = new FetchRequest(one.Offset, Math.Max(1, Math.Min(one.BytesMax, bytesLeft)), WaitMs: 0) { TopicId = one.TopicId };
                return await routes.FetchAsync(one.Topic, one.Partition, request, ended);
            }

            // No more batches fit, so this reads only the bounds of the partition's log.
            var bounds = new FetchRequest(FetchRequest.Latest, BytesMax: 1, WaitMs: 0) { TopicId = one.TopicId };
            return (await routes.FetchAsync(one.Topic, one.Partition, bounds, ended)) with { Offset = one.Offset, Batches = default };
        }
        catch (StreamException exception)
        {
            return Failed(one, exception.Error);
        }
        catch (Exception exception) when (LostCalls.IsLost(exception, ended))
        {
            return Failed(one, Unanswered);
        }
        catch (OperationCanceledException)
        {
            return Failed(one, Canceled);
        }
    }

    private static StreamError Unanswered => new(StreamErrorCode.NotLeaderOrFollower, "The partition did not answer yet.");

    private static StreamError Canceled => new(StreamErrorCode.ShuttingDown, "The read was canceled.");

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
        if (_waits.Count == 0 && _late.Count == 0)
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

        // One that still goes on is kept, so that a partition that hangs is asked by one call at a time.
        foreach (var (key, late) in _late)
        {
            if (!wanted.Contains(key) && late.IsOver)
                _late.Remove(key);
        }
    }

    /// <summary>One round over all partitions.</summary>
    private sealed class Round(IReadOnlyList<PartitionToRead> partitions, int bytesMax, PartitionSetRead read)
    {
        public IReadOnlyList<PartitionToRead> Partitions => partitions;

        public int BytesMax => bytesMax;

        public PartitionSetRead Read => read;

        /// <summary>The partitions that were asked and have not answered yet, by their places in the request.</summary>
        public List<(int Index, Task<FetchResponse> Reading)> Pending { get; } = [];

        /// <summary>True once a partition of the round did not answer in time.</summary>
        public bool HasLeftBehind { get; set; }
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
