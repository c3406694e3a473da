using OrleansStream.Cli.Calls;
using OrleansStream.Cli.Texts;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;

namespace OrleansStream.Cli.Consume;

/// <summary>
/// Reads a topic as a member of a group. A record is committed after it was written. The run ends when everything is read that the group had not
/// committed when it began, as far as this member has the partitions.
/// </summary>
internal sealed class GroupScan(Call call, ConsumeRequest request) : IRecordSource
{
    // Per partition the offset up to which this run reads.
    private readonly Dictionary<int, long> _left = [];
    private readonly Lock _gate = new();
    private long _lastRecord;
    private volatile bool _isTaking;

    /// <inheritdoc/>
    public long? Total { get; private set; }

    /// <inheritdoc/>
    public string? WhyNothing { get; private set; }

    private string Group => request.Group!;

    /// <inheritdoc/>
    public async Task PlanAsync()
    {
        var committed = await CommittedAsync();
        long total = 0;
        foreach (var partition in (await call.Admin.Topics.GetPartitionsAsync(request.Topic, call.Stop)).Partitions)
        {
            if (partition is not { LogStartOffset: { } start, HighWatermark: { } end })
                throw new CallException(ExitCode.Unavailable, $"Partition {partition.Partition} cannot be read now: {partition.Error?.Detail}");
            var from = committed.GetValueOrDefault(partition.Partition, request.From.Kind == PositionKind.End ? end : start);
            total += Math.Max(0, end - Math.Max(start, from));
            if (end > Math.Max(start, from))
                _left.Add(partition.Partition, end);
        }

        Total = request.Follows ? null : total;
        WhyNothing = total == 0
            ? $"There is nothing to read: the group {Group} has committed all of {request.Topic}."
            : $"There is nothing to read: other members of the group {Group} have the partitions with {Sizes.Records(total)} left.";
    }

    /// <inheritdoc/>
    public async Task RunAsync(Func<ConsumedRecord<byte[]>, bool> take, Action idle)
    {
        if (!request.Follows && _left.Count == 0)
            return;
        var consumer = call.Client.Consume<byte[]>(Group, request.Topic, options =>
        {
            options.Start = request.From.Kind == PositionKind.End ? StartOffset.Latest : StartOffset.Earliest;
            if (!request.Follows)
                options.MaxWait = ConsumeLimits.GroupPollTime;
        });
        consumer.OffsetsUnreadable += (_, offsets) => call.Screen.Tell(RecordWriter.Unreadable(offsets));
        _lastRecord = call.Time.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        var watching = request.Follows ? Task.CompletedTask : EndWhenReadAsync(consumer, over);
        try
        {
            await foreach (var record in consumer.WithCancellation(over.Token))
            {
                _isTaking = true;
                var goesOn = take(record);
                // It is committed when the next one is asked for, so it has to be out before.
                idle();
                // A pipe or a pager may have taken long, which says nothing of what is left.
                Volatile.Write(ref _lastRecord, call.Time.GetTimestamp());
                _isTaking = false;
                if (goesOn && !IsLast(record))
                    continue;
                record.Complete();
                return;
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested && !call.Stop.IsCancellationRequested)
        {
            // All is read that this member has.
        }
        finally
        {
            await over.CancelAsync();
            await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private bool IsLast(ConsumedRecord<byte[]> record)
    {
        if (request.Follows)
            return false;
        lock (_gate)
        {
            // A member also gets the records of the group's retry topics.
            if (record.Topic == request.Topic && _left.TryGetValue(record.Partition, out var end) && record.Offset + 1 >= end)
                _left.Remove(record.Partition);
            return _left.Count == 0;
        }
    }

    // Other members may have read what is left, or have it; and the last records of a partition may be ones that nobody can read.
    private async Task EndWhenReadAsync(StreamConsumer<byte[]> consumer, CancellationTokenSource over)
    {
        using var timer = new PeriodicTimer(ConsumeLimits.GroupLookInterval, call.Time);
        while (await timer.WaitForNextTickAsync(over.Token))
        {
            if (_isTaking || consumer.Lag != 0)
                continue;
            var assigned = consumer.Assignment;
            bool isLeft;
            lock (_gate)
                isLeft = assigned.Any(own => own.Topic == request.Topic && _left.ContainsKey(own.Partition));
            var isSettled = call.Time.GetElapsedTime(Volatile.Read(ref _lastRecord)) > ConsumeLimits.GroupSettleTime;
            if (isSettled || (!isLeft && assigned.Count > 0))
                await over.CancelAsync();
        }
    }

    private async Task<Dictionary<int, long>> CommittedAsync()
    {
        try
        {
            var offsets = await call.Admin.Groups.GetOffsetsAsync(Group, request.Topic, call.Stop);
            return offsets.Offsets.ToDictionary(offset => offset.Partition, offset => offset.Offset);
        }
        catch (StreamServiceException exception) when (exception.Status == System.Net.HttpStatusCode.NotFound)
        {
            // The group begins with this member.
            return [];
        }
    }
}
