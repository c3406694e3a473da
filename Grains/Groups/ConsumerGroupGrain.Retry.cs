using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Groups;

/// <summary>The policy for failed records, and the redrive of dead letters.</summary>
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

    /// <summary>Continues a redrive that is under way, also one that an earlier activation began.</summary>
    private void KeepRedriving()
    {
        if (_redrive.IsCompleted && _deletions == 0 && _group.Redrive is { EndedMs: null })
            _redrive = RedriveAsync();
    }

    private RedriveTopic? NextToRedrive => _isEnding || _deletions > 0 || _group.Redrive is not { EndedMs: null } running
        ? null : running.Topics.FirstOrDefault(topic => topic.LeftCount > 0);

    /// <summary>
    /// Runs the redrive step by step. The copies of a step are durable before its progress is. So a step may be repeated, and the repeat copies
    /// nothing twice. The redrive always ends: when an error persists too long, the dead letters that it concerns stay where they are.
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
            // After it has given up once, it gives up the following dead letters at once, until one goes back.
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
            // Any exception becomes an error of the step. Otherwise the redrive would stop silently and seem to run for ever.
            return (new RedriveStepResponse(new StreamError(StreamErrorCode.UnknownServerError, exception.Message), topic.Next, 0, 0), exception);
        }
        catch (Exception exception)
        {
            LogRedriveGivesUp(exception, Name, topic.Next, topic.Name);
            return (new RedriveStepResponse(Error: null, topic.End, 0, (int)Math.Min(topic.LeftCount, int.MaxValue))
            {
                Refusals = [new RedriveRefusal(RedriveReasons.Unavailable, topic.LeftCount, "The step for them failed each time it was tried.")],
                Left = [new DeadLetterRange(topic.Next, topic.End)],
            }, exception);
        }
    }

    /// <summary>Makes a step's progress durable.</summary>
    /// <returns>False when the write failed. This activation then ends, and the next one repeats the step.</returns>
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
            // Fail has logged the error.
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

    /// <summary>Waits for a stopped redrive to store its last step, at most <see cref="GroupGrainLimits.RedriveStopMax"/>.</summary>
    /// <returns>False when the last step is still under way.</returns>
    private async Task<bool> EndRedriveAsync()
    {
        WakeRedrive();
        await Task.WhenAny(_redrive, Task.Delay(GroupGrainLimits.RedriveStopMax, time));
        return _redrive.IsCompleted;
    }

    private StreamError RedriveStillEnds() => new(
        StreamErrorCode.CoordinatorLoadInProgress, $"The last step of the stopped redrive of group '{Name}' is still under way. Ask again.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    /// <summary>Deletes the retry topics that the group created. The topics of dead letters stay, so that people can examine them.</summary>
    private async Task DeleteRetryTopicsAsync()
    {
        // A running redrive would create the topics again, so it must end first.
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

    // Dead letters are in the topic that the policy names, and in the topics that the group creates. The latter have those from before the policy
    // named a topic, and those that were too large for the named one.
    private async Task<ImmutableArray<RedriveTopic>> FindDeadLettersAsync()
    {
        IEnumerable<string> names = await FindNamesAsync();
        if (_group.Retry?.DeadLetterTopic is { } named)
            names = names.Prepend(named);
        // The topics of the last redrive stay in the list, also one that an earlier policy named, because the list holds the progress in each topic.
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
