using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>
/// A partition that this process leads, with its open log. The partition's grain uses it, and so do callers in this process, without a grain call.
/// </summary>
/// <remarks>
/// Safe to call from any thread. A call during the end of the log gets the same error as from the grain; the caller then calls the grain.
/// </remarks>
/// <param name="key">The partition.</param>
/// <param name="topic">Its topic, as it is now.</param>
/// <param name="log">Its open log.</param>
/// <param name="logger">Logs damage.</param>
internal sealed partial class OpenPartition(PartitionKey key, TopicMetadata topic, PartitionLog log, ILogger logger)
{
    private volatile TopicMetadata _topic = topic;
    private LogDamage? _damage;
    private int _wasUsed;

    /// <summary>The key of the partition.</summary>
    public PartitionKey Key => key;

    /// <summary>Its log.</summary>
    public PartitionLog Log => log;

    /// <summary>Its topic, as it knows it.</summary>
    public TopicMetadata Topic => _topic;

    /// <summary>The name of its topic.</summary>
    public string TopicName => _topic.Name;

    /// <summary>The version of the topic whose settings it uses.</summary>
    public long TopicVersion => _topic.Version;

    /// <summary>Takes the topic's new settings.</summary>
    /// <param name="topic">The topic, in a later version.</param>
    public void Configure(TopicMetadata topic)
    {
        _topic = topic;
        log.Configure(PartitionConversions.ToLogOptions(TopicConfig.From(topic.Config)));
    }

    /// <summary>Appends batches, all or none, next to each other.</summary>
    /// <param name="request">The batches.</param>
    /// <param name="cancellationToken">The caller's deadline. Once it has passed, the outcome is unknown.</param>
    /// <returns>The outcome. It never throws: an unexpected failure is logged, and its outcome is unknown.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<AppendResponse> AppendAsync(AppendRequest request, CancellationToken cancellationToken)
    {
        MarkUsed();
        try
        {
            var append = log.AppendAsync(
                request.Batches, PartitionConversions.ToLog(request.Acks), request.ExpectedNextOffset, request.MayBlock,
                cancellationToken);
            request.Affinity?.Took(this);
            return PartitionConversions.ToResponse(await append.ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            return PartitionConversions.Failed(PartitionErrors.TimedOut);
        }
        catch (Exception e)
        {
            return PartitionConversions.Failed(PartitionErrors.Explain(e, isWrite: true, logger));
        }
    }

    /// <summary>Reads whole batches below the high watermark, waiting for new ones as the request says.</summary>
    /// <param name="request">The offset to read from, and how much to read.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<FetchResponse> FetchAsync(FetchRequest request, CancellationToken cancellationToken)
    {
        MarkUsed();
        var wait = TimeSpan.FromMilliseconds(Math.Clamp(request.WaitMs, 0, PartitionLimits.FetchWaitMsMax));
        var bytesMax = Math.Clamp(request.BytesMax, 0, PartitionLimits.FetchBytesMax);
        var result = await log.FetchAsync(request.Offset, bytesMax, wait, cancellationToken).ConfigureAwait(false);
        return PartitionConversions.ToResponse(result, Report(result.Error?.Damage)) with { LeaderEpoch = log.Epoch };
    }

    /// <summary>Finds the first offset whose record is dated at or after a time.</summary>
    /// <param name="timestampMs">Milliseconds since the Unix epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public async ValueTask<FindOffsetResponse> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken)
    {
        var result = await log.FindOffsetAsync(timestampMs, cancellationToken).ConfigureAwait(false);
        return PartitionConversions.ToResponse(result, Report(result.Error?.Damage)) with { LeaderEpoch = log.Epoch };
    }

    /// <summary>Finds where the batches end that the leader of an epoch stored.</summary>
    /// <param name="epoch">The epoch.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    public async ValueTask<EpochEndResponse> FindEpochEndAsync(int epoch, CancellationToken cancellationToken)
    {
        var end = await log.FindEpochEndAsync(epoch, cancellationToken).ConfigureAwait(false);
        return PartitionConversions.ToResponse(end, log.Epoch, Report(end.Error?.Damage));
    }

    /// <summary>
    /// Whether it was appended to or read from since the last call of this method. Appends and reads may bypass the grain; every other call goes
    /// through the grain, and keeps it open by that.
    /// </summary>
    public bool TakeUse() => Interlocked.Exchange(ref _wasUsed, 0) != 0;

    /// <summary>Reports damage of the log, so that an operator finds it: to the caller each time, to the operator's log once.</summary>
    /// <param name="damage">The damage that a call met, or null.</param>
    private StoredDamage? Report(LogDamage? damage)
    {
        if (damage is null)
            return null;
        var report = PartitionErrors.DamageOf(damage, _topic.Name, key.Partition)!;
        if (damage != Interlocked.Exchange(ref _damage, damage))
            LogDamaged(report.Topic, report.Partition, report.Offset, report.Segment, report.Position);
        return report;
    }

    // Reads before it writes, because a read leaves the cache line shared between the processors.
    private void MarkUsed()
    {
        if (Volatile.Read(ref _wasUsed) == 0)
            Volatile.Write(ref _wasUsed, 1);
    }

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Topic {Topic}, partition {Partition}: the stored bytes of offset {Offset} are damaged, "
            + "in segment {Segment} at position {Position}")]
    private partial void LogDamaged(string topic, int partition, long offset, string segment, long position);
}
