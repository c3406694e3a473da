using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Coordination;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Groups;

/// <summary>The rules for records that fail, and the way back of dead letters.</summary>
internal sealed partial class ConsumerGroupGrain
{
    private Task _redrive = Task.CompletedTask;
    private bool _isEnding;

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _isEnding = true;
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> SetRetryAsync(GroupRetryPolicy policy)
    {
        if (await BeginAsync(mayCreate: true) is { } refusal)
            return refusal;
        GroupRefusal? refused = Take(_group.SetRetry(GroupMapping.ToRetry(policy, Name), Now()));
        await _write.FlushAsync();
        return GroupMapping.ToError(refused);
    }

    /// <inheritdoc/>
    public async Task<StreamError?> BeginRedriveAsync(RedriveFilter filter)
    {
        await BeginAsync(mayCreate: false);
        ImmutableArray<RedriveTopic> topics = await FindDeadLettersAsync();
        GroupRefusal? refused = Take(_group.BeginRedrive(GroupMapping.ToWish(filter), topics, Now()));
        await _write.FlushAsync();
        KeepRedriving();
        return GroupMapping.ToError(refused);
    }

    /// <inheritdoc/>
    public async Task<RedriveDescription?> DescribeRedriveAsync()
    {
        await BeginAsync(mayCreate: false);
        RedriveDescription? description = GroupMapping.ToDescription(_group.Redrive);
        await _write.FlushAsync();
        KeepRedriving();
        return description;
    }

    /// <summary>Goes on with a redrive that is under way, also one that an earlier activation began.</summary>
    private void KeepRedriving()
    {
        if (_redrive.IsCompleted && _deletions == 0 && _group.Redrive is { EndedMs: null })
            _redrive = RedriveAsync();
    }

    /// <summary>
    /// Step by step: what a step copied is durable before its progress is, so a step may be repeated, which copies nothing twice.
    /// </summary>
    private async Task RedriveAsync()
    {
        while (!_isEnding && _deletions == 0 && _group.Redrive is { EndedMs: null } running && running.Topics.FirstOrDefault(topic => topic.LeftCount > 0) is { } topic)
        {
            try
            {
                RedriveStepResponse step = await GrainFactory.GetGrain<IGroupRetryGrain>(Name).RedriveAsync(
                    new RedriveStep(topic.Name, topic.Id, topic.Next, topic.End, GroupMapping.ToFilter(running.Wish), GroupMapping.ToPolicy(_group.Retry!)));
                if (step.Error is { } error)
                    throw new StreamException(error);
                Take(_group.AdvanceRedrive(topic.Id, step.NextOffset, step.RedrivenCount, step.KeptCount, Now()));
                await _write.FlushAsync();
            }
            catch (Exception e) when (e is OrleansException or TimeoutException or StreamException)
            {
                LogRedriveWaits(e, Name);
                await Task.Delay(GroupGrainLimits.RedriveRetry, time);
            }
        }
    }

    /// <summary>Deletes the topics that the group made for records to wait in. Dead letters stay: they are there to be looked at.</summary>
    private async Task DeleteRetryTopicsAsync()
    {
        // It would make them again.
        await _redrive.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        try
        {
            foreach (string name in _group.OwnRetryTopics)
            {
                StreamError? error = await GrainFactory.GetGrain<ITopicGrain>(name).DeleteAsync();
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
        StreamErrorCode.CoordinatorLoadInProgress, $"Group '{Name}' is just being deleted. Poll again to begin it anew.")
    {
        RetryAfterMs = GroupGrainLimits.RetryAfterMs,
    };

    // Those of the topic that the policy names, and of the ones that the group makes: from before there was such a policy, and those that
    // the named one had no room for.
    private async Task<ImmutableArray<RedriveTopic>> FindDeadLettersAsync()
    {
        string[] own = await FindNamesAsync();
        IEnumerable<string> names = _group.Retry?.DeadLetterTopic is { } one ? own.Prepend(one).Distinct(StringComparer.Ordinal) : own;
        var found = ImmutableArray.CreateBuilder<RedriveTopic>();
        foreach (string name in names)
        {
            TopicDescription description = await GrainFactory.GetGrain<ITopicRouterGrain>(name).DescribeAsync();
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
        string suffix = RetryTopics.DeadLettersOf("", Name);
        var names = new List<string>();
        var catalog = GrainFactory.GetGrain<ITopicCatalogGrain>(ITopicCatalogGrain.Key);
        for (string? after = null; ;)
        {
            CatalogPage page = await catalog.ListAsync("", after, TopicLimits.CatalogPageMax);
            names.AddRange(page.Topics.Select(topic => topic.Name).Where(name => name.EndsWith(suffix, StringComparison.Ordinal)));
            after = page.NextAfter;
            if (after is null)
                return [.. names];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The redrive of group {Group} could not go on just now")]
    private partial void LogRedriveWaits(Exception exception, string group);
}
