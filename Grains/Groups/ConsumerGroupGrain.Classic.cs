using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>Members that assign partitions among themselves. Their calls that wait hold no thread, and are as many as there are members.</summary>
internal sealed partial class ConsumerGroupGrain
{
    private readonly Dictionary<long, TaskCompletionSource<ClassicDelivery>> _parked = [];
    private ClassicGroup _classic = null!;
    private long _lastTicket;

    /// <inheritdoc/>
    public async Task<ClassicJoinResponse> JoinAsync(ClassicJoinRequest request, CancellationToken cancellationToken)
    {
        if (await BeginAsync(mayCreate: true) is { } refusal)
            return ClassicMapping.Refused(request.Member, refusal);
        if (_deletions > 0)
            return ClassicMapping.Refused(request.Member, BeingDeleted());
        var call = Park();
        var member = Take(_classic.Join(ClassicMapping.ToCommand(request), call.Ticket, Now()));
        return await WaitAsync(call, cancellationToken) is JoinDelivery told ? ClassicMapping.ToResponse(told.Answer) : ClassicMapping.Waiting(member);
    }

    /// <inheritdoc/>
    public async Task<ClassicSyncResponse> SyncAsync(ClassicSyncRequest request, CancellationToken cancellationToken)
    {
        await BeginAsync(mayCreate: false);
        var call = Park();
        Take(_classic.Sync(ClassicMapping.ToCommand(request), call.Ticket, Now()));
        return await WaitAsync(call, cancellationToken) is SyncDelivery told ? ClassicMapping.ToResponse(told.Answer) : ClassicMapping.StillAssigning;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> HeartbeatAsync(GroupClaim claim)
    {
        await BeginAsync(mayCreate: false);
        var refusal = Take(_classic.Heartbeat(ClassicMapping.ToClaim(claim), Now()));
        await _write.FlushAsync();
        return GroupMapping.ToError(refusal);
    }

    /// <inheritdoc/>
    public async Task<ImmutableArray<StreamError?>> LeaveAsync(ImmutableArray<GroupLeaver> leavers)
    {
        await BeginAsync(mayCreate: false);
        var refusals = Take(_classic.Leave([.. leavers.Select(one => new ClassicLeaver(one.Member, one.InstanceId))], Now()));
        await _write.FlushAsync();
        return [.. refusals.Select(GroupMapping.ToError)];
    }

    /// <inheritdoc/>
    public async Task<GroupCommitResponse> CommitAsync(GroupClaim claim, ImmutableArray<NamedPartitionOffset> offsets)
    {
        if (await BeginAsync(mayCreate: true) is { } refusal)
            return new GroupCommitResponse(refusal, []);
        var found = await FindTopicsAsync([.. offsets.Select(one => one.Topic).Distinct(StringComparer.Ordinal).Where(topic => !_group.Topics.ContainsKey(topic))]);
        if (_deletions > 0)
            return new GroupCommitResponse(BeingDeleted(), []);
        if (CheckCommitter(claim) is { } refused)
        {
            await _write.FlushAsync();
            return new GroupCommitResponse(GroupMapping.ToError(refused), []);
        }

        var ids = found.Where(one => one.Topic is not null).ToDictionary(one => one.Name, one => one.Topic!.Id, StringComparer.Ordinal);
        ImmutableArray<OffsetCommit> commits = [.. offsets.Select(one => ToCommit(one, ids))];
        var owner = _group.FindMember(claim.Member)?.Id;
        var refusals = Take(_group.Keep([.. commits.Where(IsOwned)], found, Now()));
        await _write.FlushAsync();
        var next = 0;
        return new GroupCommitResponse(Error: null, [.. commits.Select(commit => GroupMapping.ToError(IsOwned(commit) ? refusals[next++] : NotOwned(commit)))]);

        // Members of the classic protocol assign partitions among themselves: the group does not know whose they are.
        bool IsOwned(OffsetCommit commit) => owner is null || _group.IsOwner(owner, commit.Partition);

        static GroupRefusal NotOwned(OffsetCommit commit) =>
            new(StreamErrorCode.StaleMemberEpoch, $"Partition {commit.Partition.Partition} is not the member's: nothing was committed for it.");
    }

    /// <inheritdoc/>
    public async Task<GroupCommitResponse> ForgetAsync(ImmutableArray<NamedPartitionOffset> partitions)
    {
        await BeginAsync(mayCreate: false);
        if (!_group.Exists)
            return new GroupCommitResponse(new StreamError(StreamErrorCode.GroupIdNotFound, "There is no such group."), []);
        var read = ReadTopics().ToHashSet(StringComparer.Ordinal);
        var errors = partitions.Select(one => read.Contains(one.Topic)
            ? new StreamError(StreamErrorCode.GroupSubscribedToTopic, $"Members of the group read topic '{one.Topic}'. They have to leave first.")
            : null).ToImmutableArray();
        Take(_group.Forget(PartitionSet.Of(partitions
            .Where(one => !read.Contains(one.Topic) && _group.Topics.ContainsKey(one.Topic))
            .Select(one => new TopicPartition(_group.Topics[one.Topic].Id, one.Partition))), Now()));
        await _write.FlushAsync();
        return new GroupCommitResponse(Error: null, errors);
    }

    private IEnumerable<string> ReadTopics() => _group.Members.SelectMany(member => member.Topics)
        .Concat(_classic.Members.SelectMany(member => ClassicMapping.TopicsOf(member, _classic.Protocol)));

    private OffsetCommit ToCommit(in NamedPartitionOffset offset, Dictionary<string, Guid> found)
    {
        // A topic that nobody has is refused by an id that nothing has.
        var id = _group.Topics.GetValueOrDefault(offset.Topic)?.Id ?? found.GetValueOrDefault(offset.Topic);
        return new OffsetCommit(new TopicPartition(id, offset.Partition), offset.Offset, offset.Metadata ?? "");
    }

    private (long Ticket, TaskCompletionSource<ClassicDelivery> Told) Park()
    {
        var call = (Ticket: ++_lastTicket, Told: new TaskCompletionSource<ClassicDelivery>(TaskCreationOptions.RunContinuationsAsynchronously));
        _parked.Add(call.Ticket, call.Told);
        return call;
    }

    /// <summary>Waits for a call's answer.</summary>
    /// <returns>The answer; null when there is none yet and the caller asks again.</returns>
    private async Task<ClassicDelivery?> WaitAsync((long Ticket, TaskCompletionSource<ClassicDelivery> Told) call, CancellationToken cancellationToken)
    {
        if (!call.Told.Task.IsCompleted)
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(call.Told.Task, Task.Delay(TimeSpan.FromMilliseconds(GroupLimits.WaitMsMax), time, ended.Token));
            await ended.CancelAsync();
        }

        // An answer that is on its way to be durable is waited for: nobody would hear it later.
        if (_parked.Remove(call.Ticket))
        {
            _classic.Abandon(call.Ticket, Now());
            await _write.FlushAsync();
            return null;
        }

        return await call.Told.Task;
    }

    private T Take<T>(in ClassicStep<T> step)
    {
        var answer = Take(new Handled<T>(step.Answer, step.Events));
        if (!step.Deliveries.IsEmpty)
            _ = DeliverAsync(step.Deliveries);
        return answer;
    }

    /// <summary>Answers calls that waited, once what they are told is durable.</summary>
    private async Task DeliverAsync(ImmutableArray<ClassicDelivery> deliveries)
    {
        var calls = new List<(ClassicDelivery Delivery, TaskCompletionSource<ClassicDelivery> Told)>(deliveries.Length);
        foreach (var delivery in deliveries)
        {
            if (_parked.Remove(delivery.Ticket, out var told))
                calls.Add((delivery, told));
        }

        try
        {
            await _write.FlushAsync();
            foreach (var (delivery, told) in calls)
                told.TrySetResult(delivery);
        }
        catch (StreamException exception)
        {
            foreach (var (_, told) in calls)
                told.TrySetException(exception);
        }
    }

    private async Task<GroupDescription> DescribeClassicAsync(GroupDescription description)
    {
        var found = _classic.Members.Count == 0 ? [] : await FindTopicsAsync([.. ReadTopics().Distinct(StringComparer.Ordinal)]);
        return ClassicMapping.Describe(description, _group, _classic, found, Now());
    }

    /// <summary>Ends the calls that wait: this activation goes away.</summary>
    private void EndParked()
    {
        var gone = new StreamException(new StreamError(StreamErrorCode.CoordinatorNotAvailable, $"Group '{Name}' is with another server by now. Try again.")
        {
            RetryAfterMs = GroupGrainLimits.RetryAfterMs,
        });
        foreach (var told in _parked.Values)
            told.TrySetException(gone);
        _parked.Clear();
    }
}
