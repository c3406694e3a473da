using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>The redrive of a group's dead letters. It runs beside the calls, and continues one that an earlier activation began.</summary>
/// <remarks>
/// A redrive goes step by step. The copies of a step are durable before its progress is. So a step may be repeated, and the repeat copies nothing
/// twice. The redrive always ends: when an error persists too long, the dead letters that it concerns stay where they are.
/// </remarks>
/// <param name="group">The group.</param>
/// <param name="grains">Reaches the grain that copies records, and the topics of dead letters.</param>
/// <param name="time">Times the pauses between tries, and the wait when it stops.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">The grain's log.</param>
internal sealed partial class GroupRedrive(StoredGroup group, IGrainFactory grains, TimeProvider time, RepeatedFailures failures, ILogger logger)
{
    private readonly DeadLetterTopics _deadLetters = new(group.Name, grains);
    private Task _run = Task.CompletedTask;
    private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isLeaving;

    private RedriveTopic? Next => _isLeaving || group.IsBeingDeleted || group.State.Redrive is not { EndedMs: null } running
        ? null : running.Topics.FirstOrDefault(topic => topic.LeftCount > 0);

    /// <inheritdoc cref="IConsumerGroupGrain.BeginRedriveAsync"/>
    public async Task<StreamError?> BeginAsync(RedriveFilter filter)
    {
        await group.BeginAsync(mayCreate: false);
        // A stopped redrive may have a step under way, which uses the old filter. Its copies must be noted before a new filter counts.
        if (group.State.Redrive is { EndedMs: not null } && !await HasEndedAsync())
            return StillEnds();
        var topics = await _deadLetters.FindAsync(group.State.Retry?.DeadLetterTopic, group.State.Redrive);
        var refused = group.Take(group.State.BeginRedrive(GroupConversions.ToWish(filter), topics, group.Now()));
        await group.FlushAsync();
        KeepGoing();
        return GroupConversions.ToError(refused);
    }

    /// <inheritdoc cref="IConsumerGroupGrain.DescribeRedriveAsync"/>
    public async Task<RedriveDescription?> DescribeAsync()
    {
        await group.BeginAsync(mayCreate: false);
        var description = GroupConversions.ToDescription(group.State.Redrive);
        await group.FlushAsync();
        KeepGoing();
        return description;
    }

    /// <inheritdoc cref="IConsumerGroupGrain.StopRedriveAsync"/>
    public async Task<RedriveDescription?> StopAsync()
    {
        await group.BeginAsync(mayCreate: false);
        group.Take(group.State.StopRedrive(group.Now()));
        var description = GroupConversions.ToDescription(group.State.Redrive);
        Wake();
        await group.FlushAsync();
        return description;
    }

    /// <summary>Continues a redrive that is under way, unless it runs here already.</summary>
    public void KeepGoing()
    {
        if (_run.IsCompleted && !group.IsBeingDeleted && group.State.Redrive is { EndedMs: null })
            _run = OutsideCall.RunAsync(RunAsync);
    }

    /// <summary>Ends the run after its step: the activation goes away, and the next one continues.</summary>
    public void Leave()
    {
        _isLeaving = true;
        Wake();
    }

    /// <summary>Waits until the run has ended, since the group is being deleted. A run would create its topics again.</summary>
    public async Task EndAsync()
    {
        Wake();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private async Task RunAsync()
    {
        var trouble = new RedriveTrouble(time);
        while (Next is { } topic)
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
            if (failures.IsToTell($"redrive of group {group.Name}", out var count))
                LogWaits(exception, group.Name, step.NextOffset, topic.Name, error.Code, error.Detail, count);
            await PauseAsync(trouble.NextWait());
        }
    }

    private async Task<(RedriveStepResponse Step, Exception? Exception)> StepAsync(RedriveTopic topic, bool givesUp)
    {
        try
        {
            var step = new RedriveStep(
                topic.Name, topic.Id, topic.Next, topic.End,
                GroupConversions.ToFilter(group.State.Redrive!.Wish), GroupConversions.ToPolicy(group.State.Retry!)) { GivesUp = givesUp };
            return (await grains.GetGrain<IGroupRetryGrain>(group.Name).RedriveAsync(step), null);
        }
        catch (Exception exception) when (!givesUp)
        {
            // Any exception becomes an error of the step. Otherwise the redrive would stop silently and seem to run for ever.
            return (new RedriveStepResponse(new StreamError(StreamErrorCode.UnknownServerError, exception.Message), topic.Next, 0, 0), exception);
        }
        catch (Exception exception)
        {
            LogGivesUp(exception, group.Name, topic.Next, topic.Name);
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
        group.Take(group.State.AdvanceRedrive(topic, GroupConversions.ToProgress(step, topic), group.Now()));
        try
        {
            await group.FlushAsync();
            return true;
        }
        catch (StreamException)
        {
            // The failed write is in the log already.
            return false;
        }
    }

    private async Task PauseAsync(TimeSpan pause)
    {
        _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (Next is not null)
            await Task.WhenAny(Task.Delay(pause, time), _wake.Task);
    }

    private void Wake() => _wake.TrySetResult();

    /// <summary>Waits for a stopped redrive to store its last step, at most <see cref="GroupGrainLimits.RedriveStopMax"/>.</summary>
    /// <returns>False when the last step is still under way.</returns>
    private async Task<bool> HasEndedAsync()
    {
        Wake();
        await Task.WhenAny(_run, Task.Delay(GroupGrainLimits.RedriveStopMax, time));
        return _run.IsCompleted;
    }

    private StreamError StillEnds() => new(
        StreamErrorCode.CoordinatorLoadInProgress, $"The last step of the stopped redrive of group '{group.Name}' is still under way. Ask again.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The redrive of group {Group} cannot go on at offset {Offset} of topic {Topic} and tries again: {Code}, {Detail}; "
            + "failures since this was last said: {Failures}")]
    private partial void LogWaits(Exception? exception, string group, long offset, string topic, StreamErrorCode code, string detail, int failures);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "The redrive of group {Group} leaves the dead letters from offset {Offset} of topic {Topic} where they are")]
    private partial void LogGivesUp(Exception exception, string group, long offset, string topic);
}
