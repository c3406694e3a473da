using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>The rules for records that fail, and the way back of dead letters.</summary>
internal sealed partial class ConsumerGroupGrain
{
    private Task _redrive = Task.CompletedTask;
    private TaskCompletionSource _redriveWake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isEnding;

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _isEnding = true;
        WakeRedrive();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> SetRetryAsync(GroupRetryPolicy policy)
    {
        if (await BeginAsync(mayCreate: true) is { } refusal)
            return refusal;
        var refused = Take(_group.SetRetry(GroupMapping.ToRetry(policy, Name), Now()));
        await _write.FlushAsync();
        return GroupMapping.ToError(refused);
    }

    /// <inheritdoc/>
    public async Task<StreamError?> BeginRedriveAsync(RedriveFilter filter)
    {
        await BeginAsync(mayCreate: false);
        // A stopped redrive may have a step under way, which uses the old filter. Its copies must be noted before a new filter counts.
        if (_group.Redrive is { EndedMs: not null } && !await EndRedriveAsync())
            return RedriveStillEnds();
        var topics = await FindDeadLettersAsync();
        var refused = Take(_group.BeginRedrive(GroupMapping.ToWish(filter), topics, Now()));
        await _write.FlushAsync();
        KeepRedriving();
        return GroupMapping.ToError(refused);
    }

    /// <inheritdoc/>
    public async Task<RedriveDescription?> DescribeRedriveAsync()
    {
        await BeginAsync(mayCreate: false);
        var description = GroupMapping.ToDescription(_group.Redrive);
        await _write.FlushAsync();
        KeepRedriving();
        return description;
    }

    /// <inheritdoc/>
    public async Task<RedriveDescription?> StopRedriveAsync()
    {
        await BeginAsync(mayCreate: false);
        Take(_group.StopRedrive(Now()));
        var description = GroupMapping.ToDescription(_group.Redrive);
        WakeRedrive();
        await _write.FlushAsync();
        return description;
    }

    /// <summary>Goes on with a redrive that is under way, also one that an earlier activation began.</summary>
    private void KeepRedriving()
    {
        if (_redrive.IsCompleted && _deletions == 0 && _group.Redrive is { EndedMs: null })
            _redrive = RedriveAsync();
    }

    private RedriveTopic? NextToRedrive => _isEnding || _deletions > 0 || _group.Redrive is not { EndedMs: null } running
        ? null : running.Topics.FirstOrDefault(topic => topic.LeftCount > 0);

    /// <summary>
    /// Step by step: what a step copied is durable before its progress is, so a step may be repeated, which copies nothing twice. It ends
    /// in any case: a trouble that lasts is given up, and what it concerns stays where it is.
    /// </summary>
    private async Task RedriveAsync()
    {
        var trouble = new RedriveTrouble(time);
        while (NextToRedrive is { } topic)
        {
            var givesUp = trouble.IsTooLong;
            (var step, var exception) = await StepAsync(topic, givesUp);
            if (!await NoteAsync(topic, step))
                return;
            // Once it has given up, what follows is not tried for as long again until something goes back.
            if (givesUp ? step.RedrivenCount > 0 : step.NextOffset > topic.Next)
                trouble.End();
            if (step.Error is not { } error)
                continue;

            trouble.Begin();
            if (failures.IsToTell($"redrive of group {Name}", out var count))
                LogRedriveWaits(exception, Name, step.NextOffset, topic.Name, error.Code, error.Detail, count);
            await WaitToRedriveAsync(trouble.NextWait());
        }
    }

    private async Task<(RedriveStepResponse Step, Exception? Exception)> StepAsync(RedriveTopic topic, bool givesUp)
    {
        try
        {
            var step = new RedriveStep(
                topic.Name, topic.Id, topic.Next, topic.End, GroupMapping.ToFilter(_group.Redrive!.Wish), GroupMapping.ToPolicy(_group.Retry!)) { GivesUp = givesUp };
            return (await GrainFactory.GetGrain<IGroupRetryGrain>(Name).RedriveAsync(step), null);
        }
        catch (Exception exception) when (!givesUp)
        {
            // Whatever it is: a redrive that nobody hears of any more would seem to run for ever.
            return (new RedriveStepResponse(new StreamError(StreamErrorCode.UnknownServerError, exception.Message), topic.Next, 0, 0), exception);
        }
        catch (Exception exception)
        {
            LogRedriveGivesUp(exception, Name, topic.Next, topic.Name);
            return (new RedriveStepResponse(Error: null, topic.End, 0, (int)Math.Min(topic.LeftCount, int.MaxValue))
            {
                Refusals = [new RedriveRefusal(RedriveReasons.Unavailable, topic.LeftCount, "The step that was to take them failed, however often it was tried.")],
                Left = [new DeadLetterRange(topic.Next, topic.End)],
            }, exception);
        }
    }

    /// <summary>Makes a step's progress durable.</summary>
    /// <returns>False when it could not be: this activation goes away, and the next one repeats the step.</returns>
    private async Task<bool> NoteAsync(RedriveTopic topic, RedriveStepResponse step)
    {
        Take(_group.AdvanceRedrive(topic, GroupMapping.ToProgress(step, topic), Now()));
        try
        {
            await _write.FlushAsync();
            return true;
        }
        catch (StreamException)
        {
            // Told by Fail.
            return false;
        }
    }

    private async Task WaitToRedriveAsync(TimeSpan wait)
    {
        _redriveWake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (NextToRedrive is not null)
            await Task.WhenAny(Task.Delay(wait, time), _redriveWake.Task);
    }

    private void WakeRedrive() => _redriveWake.TrySetResult();

    /// <summary>Waits a while for a redrive that is over to have noted its last step.</summary>
    /// <returns>False when it has not yet.</returns>
    private async Task<bool> EndRedriveAsync()
    {
        WakeRedrive();
        await Task.WhenAny(_redrive, Task.Delay(GroupGrainLimits.RedriveStopMax, time));
        return _redrive.IsCompleted;
    }

    private StreamError RedriveStillEnds() => new(
        StreamErrorCode.CoordinatorLoadInProgress, $"The last step of the redrive of group '{Name}' that was stopped is still under way. Ask again.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    /// <summary>Deletes the topics that the group made for records to wait in. Dead letters stay: they are there to be looked at.</summary>
    private async Task DeleteRetryTopicsAsync()
    {
        // It would make them again.
        WakeRedrive();
        await _redrive.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        try
        {
            foreach (var name in _group.OwnRetryTopics)
            {
                var error = await GrainFactory.GetGrain<ITopicGrain>(name).DeleteAsync();
                if (error is not null && error.Code != StreamErrorCode.UnknownTopicOrPartition)
                    throw new StreamException(error);
            }
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            throw new StreamException(new StreamError(
                StreamErrorCode.CoordinatorNotAvailable, $"The owner of a retry topic did not answer; the group is not deleted. {e.Message}"));
        }
    }

    private StreamError BeingDeleted() => new(
        StreamErrorCode.CoordinatorLoadInProgress, $"Group '{Name}' is just being deleted. Try again to begin it anew.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    // Those of the topic that the policy names, and of the ones that the group makes: from before there was such a policy, and those that
    // the named one had no room for.
    private async Task<ImmutableArray<RedriveTopic>> FindDeadLettersAsync()
    {
        IEnumerable<string> names = await FindNamesAsync();
        if (_group.Retry?.DeadLetterTopic is { } named)
            names = names.Prepend(named);
        // Also one that an earlier policy named: how far it was looked at is remembered only as long as it is among these.
        if (_group.Redrive is { } last)
            names = names.Concat(last.Topics.Select(topic => topic.Name));
        var found = ImmutableArray.CreateBuilder<RedriveTopic>();
        foreach (var name in names.Distinct(StringComparer.Ordinal).ToArray())
        {
            var description = await GrainFactory.GetGrain<ITopicRouterGrain>(name).DescribeAsync();
            if (description.Topic is not { } topic)
                continue;
            if (description.Partitions[0].Error is { } error)
                throw new StreamException(error);
            found.Add(new RedriveTopic(name, topic.Id, description.Partitions[0].LogStartOffset, description.Partitions[0].HighWatermark));
        }

        return found.ToImmutable();
    }

    private async Task<string[]> FindNamesAsync()
    {
        var suffix = RetryTopics.DeadLettersOf("", Name);
        var names = new List<string>();
        var catalog = GrainFactory.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
        for (string? after = null; ;)
        {
            var page = await catalog.ListAsync("", after, TopicLimits.CatalogPageMax);
            names.AddRange(page.Topics.Select(topic => topic.Name).Where(name => name.EndsWith(suffix, StringComparison.Ordinal)));
            after = page.NextAfter;
            if (after is null)
                return [.. names];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The redrive of group {Group} cannot go on at offset {Offset} of topic {Topic} and tries again: {Code}, {Detail}; failures since this was last said: {Failures}")]
    private partial void LogRedriveWaits(Exception? exception, string group, long offset, string topic, StreamErrorCode code, string detail, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "The redrive of group {Group} leaves the dead letters from offset {Offset} of topic {Topic} where they are")]
    private partial void LogRedriveGivesUp(Exception exception, string group, long offset, string topic);
}
