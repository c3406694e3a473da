using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Placement;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Partitions.Placement;
using OrleansStream.Topics;

namespace OrleansStream.Partitions;

/// <summary>Leads one partition: opens its log, takes calls to it, and deactivates when the log has ended.</summary>
/// <remarks>
/// Reentrant: only the log's writer assigns offsets and changes the log's state. Fields may change at an await, so a call goes on with the log that
/// it found. The grain is placed by <see cref="PartitionHome"/>, and moves when silos come or go. An activation that could not open its log answers
/// with the reason for a while, and then deactivates, so that the next one tries again.
/// </remarks>
[Reentrant, Immovable, PartitionPlacement, GrainType("partition")]
internal sealed partial class PartitionGrain(
    PartitionLogs logs, PartitionTopics topics, ILocalSiloDetails silo, IHostApplicationLifetime lifetime, RepeatedFailures failures,
    ILogger<PartitionGrain> logger) : Grain, IPartitionGrain
{
    private PartitionKey _key;
    private TopicMetadata? _topic;
    private OpenPartition? _led;
    private StreamError _refusal = PartitionErrors.Closing;
    private CancellationTokenRegistration _stopping;

    private string Owner => $"{silo.SiloAddress.ToParsableString()}/{GrainContext.ActivationId}";

    /// <inheritdoc/>
    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _key = PartitionKey.Parse(this.GetPrimaryKeyString());
        try
        {
            _topic = await topics.FindAsync(_key);
            if (_topic is null)
                Refuse(PartitionErrors.TopicGone(_key), PartitionGrainLimits.UnknownTopicAge);
            else if (_key.Partition >= _topic.PartitionCount)
                Refuse(PartitionErrors.NoSuchPartition(_topic.Name, _key.Partition, _topic.PartitionCount), PartitionGrainLimits.RetryAge);
            else
                await OpenAsync(_topic, cancellationToken);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            if (failures.IsToTell($"open partition {_key}", out var count))
                LogNotOpened(e, _key, count);
            var damage = PartitionErrors.DamageOf((e as LogCorruptException)?.Damage, _topic?.Name ?? $"{_key.TopicId:N}", _key.Partition);
            var age = PartitionErrors.IsForOperator(e) ? PartitionGrainLimits.OfflineAge : PartitionGrainLimits.RetryAge;
            Refuse(PartitionErrors.NotOpened(e, damage), age);
        }
    }

    /// <inheritdoc/>
    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stopping.DisposeAsync();
        if (_led is { } led)
        {
            _led = null;
            _refusal = PartitionErrors.Closing;
            await led.Log.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<AppendResponse> AppendAsync(AppendRequest request, CancellationToken cancellationToken)
    {
        if (request.RequiredLeader is { } required && !required.Equals(silo.SiloAddress))
            return PartitionConversions.Failed(PartitionErrors.LedElsewhere);
        if (request.TopicVersion > _topic?.Version && !await CatchUpAsync())
            return PartitionConversions.Failed(PartitionErrors.TopicUnknown);
        return _led is { } led
            ? await led.AppendAsync(request, cancellationToken)
            : PartitionConversions.Failed(_refusal);
    }

    /// <inheritdoc/>
    public ValueTask<FetchResponse> FetchAsync(FetchRequest request, CancellationToken cancellationToken) => _led is { } led
        ? led.FetchAsync(request, cancellationToken)
        : ValueTask.FromResult(new FetchResponse(_refusal, request.Offset, default, HighWatermark: -1, LogStartOffset: -1));

    /// <inheritdoc/>
    public ValueTask<FindOffsetResponse> FindOffsetAsync(long timestampMs, CancellationToken cancellationToken) => _led is { } led
        ? led.FindOffsetAsync(timestampMs, cancellationToken)
        : ValueTask.FromResult(new FindOffsetResponse(_refusal, Offset: -1, TimestampMs: -1));

    /// <inheritdoc/>
    public ValueTask<EpochEndResponse> FindEpochEndAsync(int epoch, CancellationToken cancellationToken) => _led is { } led
        ? led.FindEpochEndAsync(epoch, cancellationToken)
        : ValueTask.FromResult(new EpochEndResponse(_refusal, Epoch: -1, EndOffset: -1, LeaderEpoch: 0));

    /// <inheritdoc/>
    public ValueTask<PartitionDescription> DescribeAsync() => ValueTask.FromResult(Describe(_led, error: null));

    /// <inheritdoc/>
    public ValueTask ConfigureAsync(TopicMetadata topic)
    {
        if (topic.Id != _key.TopicId || topic.Version <= _topic?.Version)
            return ValueTask.CompletedTask;
        _topic = topic;
        if (_led is { } led)
            led.Configure(topic);
        else if (_key.Partition < topic.PartitionCount)
            DeactivateOnIdle();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask<PartitionDescription> DeleteRecordsAsync(long beforeOffset, CancellationToken cancellationToken) =>
        _led is { Log: var log } led
            ? Describe(led, PartitionConversions.ToError(await log.DeleteRecordsAsync(beforeOffset, cancellationToken), log.State))
            : Describe(led: null, error: null);

    /// <inheritdoc/>
    public ValueTask MaintainAsync(CancellationToken cancellationToken) =>
        _led is { } led ? led.Log.MaintainAsync(cancellationToken) : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DeleteAsync(CancellationToken cancellationToken)
    {
        Refuse(PartitionErrors.TopicGone(_key), PartitionGrainLimits.UnknownTopicAge);
        if (_led is { } led)
        {
            _led = null;
            await led.Log.DisposeAsync();
        }

        await logs.DeleteAsync(_key, cancellationToken);
    }

    private async Task OpenAsync(TopicMetadata topic, CancellationToken cancellationToken)
    {
        var led = _led = await logs.OpenAsync(_key, topic, Owner, cancellationToken);
        OutsideCall.RunAsync(() => LeaveWhenEndedAsync(led)).Ignore();
        // A grain is deactivated only after its calls have ended, so a long poll would delay the stop of the server.
        _stopping = lifetime.ApplicationStopping.UnsafeRegister(static log => ((PartitionLog)log!).StopWaiting(), led.Log);
    }

    private void Move(SiloAddress home)
    {
        // Migrated, not just deactivated: callers that remember this silo would open it here again.
        LogMoves(_key, home);
        _led?.Log.StopWaiting();
        MigrateOnIdle();
    }

    // The runtime counts only calls through itself as use of the grain.
    private void Stay() => DelayDeactivation(PartitionGrainLimits.UsedStay);

    /// <returns>False when the topic's owner could not be asked.</returns>
    private async Task<bool> CatchUpAsync()
    {
        try
        {
            if (await topics.FindAsync(_key) is { } topic)
                await ConfigureAsync(topic);
            return true;
        }
        catch (Exception e) when (e is StreamException || LostCalls.IsLost(e))
        {
            return false;
        }
    }

    private async Task LeaveWhenEndedAsync(OpenPartition led)
    {
        // Until the deactivation the ended log itself answers with the reason.
        if (await logs.ShowAsync(led, Move, Stay) == LogEnd.Offline)
            LeaveAfter(PartitionGrainLimits.OfflineAge);
        else
            DeactivateOnIdle();
    }

    private void Refuse(StreamError error, TimeSpan age)
    {
        _refusal = error;
        LeaveAfter(age);
    }

    private void LeaveAfter(TimeSpan age) => this.RegisterGrainTimer(
        DeactivateAsync, new GrainTimerCreationOptions(age, Timeout.InfiniteTimeSpan) { Interleave = true });

    private Task DeactivateAsync(CancellationToken cancellationToken)
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }

    private PartitionDescription Describe(OpenPartition? led, StreamError? error) => PartitionConversions.Describe(
        _key, led?.Log.State, led is null ? _refusal : error, silo.SiloAddress.ToParsableString(), led?.Log.Rates);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Partition {Partition} could not be opened; failures since this was last said: {Failures}")]
    private partial void LogNotOpened(Exception exception, PartitionKey partition, int failures);

    [LoggerMessage(Level = LogLevel.Information, Message = "Partition {Partition} moves to {Silo}")]
    private partial void LogMoves(PartitionKey partition, SiloAddress silo);
}
