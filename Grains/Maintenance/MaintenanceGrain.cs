using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Log.Contract;
using OrleansStream.Log.Retention;
using OrleansStream.Partitions;
using OrleansStream.Storage;
using OrleansStream.Topics;

namespace OrleansStream.Maintenance;

/// <summary>
/// Sweeps over all partitions at a bounded pace. It reads each partition's manifest from the store, and opens only partitions in which something is
/// to be closed, deleted or freed. An open partition maintains itself.
/// </summary>
/// <remarks>
/// The grain keeps no state. A sweep that is cut short, or two at once while Orleans runs two activations, cost only reads. A sweep also calls the
/// catalogue and so activates it. So the bytes of deleted topics are freed after a restart even when no request comes.
/// </remarks>
[GrainType("upkeep")]
internal sealed partial class MaintenanceGrain(
    ISegmentStore segments, IDocumentStore documents, TimeProvider time, RepeatedFailures failures, ILogger<MaintenanceGrain> logger) : Grain,
        IMaintenanceGrain, IDisposable
{
    private readonly DetachedWork _sweep = new();
    private long? _sweptAt;

    /// <inheritdoc/>
    public Task TickAsync()
    {
        var isDue = _sweptAt is not { } sweptAt || time.GetElapsedTime(sweptAt) >= MaintenanceLimits.SweepPeriod;
        if (isDue)
            _sweep.Start(SweepAsync);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _sweep.LeaveAsync();

    /// <inheritdoc/>
    public void Dispose() => _sweep.Dispose();

    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        try
        {
            var catalog = GrainFactory.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
            string? after = null;
            do
            {
                var page = await catalog.ListAsync("", after, TopicLimits.CatalogPageMax);
                foreach (var entry in page.Topics)
                {
                    await SweepTopicAsync(entry.Name, cancellationToken);
                    await Task.Delay(MaintenanceLimits.TopicPause, time, cancellationToken);
                }

                after = page.NextAfter;
            }
            while (after is not null);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // another activation sweeps
        }
        catch (Exception e)
        {
            if (failures.IsToTell("sweep", out var count))
                LogSweepFailed(e, count);
        }

        _sweptAt = time.GetTimestamp();
    }

    private async Task SweepTopicAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            if ((await GrainFactory.GetGrain<ITopicGrain>(name).GetAsync()).Topic is not { } topic)
                return; // the topic was deleted meanwhile
            var options = PartitionConversions.ToLogOptions(TopicConfig.From(topic.Config));
            await Parallel.ForEachAsync(
                Enumerable.Range(0, topic.PartitionCount),
                new ParallelOptions
                {
                    MaxDegreeOfParallelism = MaintenanceLimits.PartitionsAtOnce,
                    TaskScheduler = TaskScheduler.Current,
                    CancellationToken = cancellationToken,
                },
                (partition, token) => SweepPartitionAsync(new PartitionKey(topic.Id, partition).ToString(), options, token));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (failures.IsToTell($"maintenance of topic {name}", out var count))
                LogTopicFailed(e, name, count);
        }
    }

    private async ValueTask SweepPartitionAsync(string key, LogOptions options, CancellationToken cancellationToken)
    {
        try
        {
            var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
            if (!await MaintenanceCheck.IsDueAsync(key, options, segments, documents, nowMs, cancellationToken))
                return;
            await GrainFactory.GetGrain<IPartitionGrain>(key).MaintainAsync(cancellationToken);
            await Task.Delay(MaintenanceLimits.OpenedPause, time, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (failures.IsToTell($"maintenance of partition {key}", out var count))
                LogPartitionFailed(e, key, count);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "A sweep over the partitions failed; the next one starts by itself; failures since this was last said: {Failures}")]
    private partial void LogSweepFailed(Exception exception, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The maintenance of topic {Topic} is left to the next sweep; failures since this was last said: {Failures}")]
    private partial void LogTopicFailed(Exception exception, string topic, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The maintenance of partition {Partition} is left to the next sweep; failures since this was last said: {Failures}")]
    private partial void LogPartitionFailed(Exception exception, string partition, int failures);
}
