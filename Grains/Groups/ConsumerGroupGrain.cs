using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Activations;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;
using OrleansStream.Persistence;

namespace OrleansStream.Groups;

/// <summary>The grain of a group. It keeps a <see cref="GroupState"/> in a document and drives it with a timer; all rules are in the state.</summary>
/// <remarks>
/// Calls interleave, but the state changes only between two awaits. Each call first gathers what it needs, then changes the state in one step, then
/// waits until the change is written. An answer is computed before that wait, so it is never newer than the written state. After a failed write no
/// call is answered any more, and the activation ends.
/// </remarks>
[GrainType("consumer-group")]
internal sealed partial class ConsumerGroupGrain(
    [PersistentState("group", DocumentGrainStorage.ProviderName)] IPersistentState<GroupDocument> state,
    TimeProvider time, RepeatedFailures failures, ILogger<ConsumerGroupGrain> logger) : Grain, IConsumerGroupGrain, IClassicGroupGrain
{
    private GroupState _group = new();
    private SharedWrite _write = null!;
    private GroupWaits _waits = null!;
    private EmptyStay _stay = null!;
    private GroupTopics _topics = null!;
    private IGrainTimer? _timer;
    private Task _refresh = Task.CompletedTask;
    private long _ownedAt;
    private long _topicsAt;
    private int _deletions;

    private string Name => this.GetPrimaryKeyString();

    private IGroupCatalogGrain Catalog => GrainFactory.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key);

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _group = GroupState.Restore(state.State.Events, Now());
        _classic = new ClassicGroup(_group, Now());
        _write = new SharedWrite($"The state of group '{Name}'", WriteAsync, IsOwnAsync, Fail);
        _waits = new GroupWaits(time);
        _stay = new EmptyStay(this, time, () => !_group.Exists && !_classic.IsActive);
        _topics = new GroupTopics(GrainFactory);
        _ownedAt = _topicsAt = time.GetTimestamp();
        KeepTime();
        KeepRedriving();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<GroupMemberResponse> PollAsync(GroupPollRequest request)
    {
        // Members that join at the same time get their partitions in one assignment.
        var mayJoin = request.Token is null && !request.NeverJoins;
        _group.ExpectedPolls += mayJoin ? 1 : 0;
        ImmutableArray<TopicLookup> found;
        try
        {
            if (await BeginAsync(mayCreate: !request.NeverJoins) is { } refusal)
                return new GroupMemberResponse(refusal, Token: null, LeaseLeftMs: 0, []);
            var topics = request.HasFailed ? _group.WithRetries(request.Topics) : request.Topics;
            found = await FindTopicsAsync([.. topics.Where(topic => !_group.Topics.ContainsKey(topic))]);
        }
        finally
        {
            _group.ExpectedPolls -= mayJoin ? 1 : 0;
        }

        // A member that joined now would block a deletion that has already deleted records.
        if (_deletions > 0)
            return new GroupMemberResponse(BeingDeleted(), Token: null, LeaseLeftMs: 0, []);
        var answer = Take(_group.Poll(GroupMapping.ToCommand(request, found), Now()));
        var response = GroupMapping.ToResponse(_group, request.Member, answer);
        await _write.FlushAsync();
        return response;
    }

    /// <inheritdoc/>
    public async Task<GroupWaitResponse> WaitAsync(string member, MemberToken token, int waitMs, CancellationToken cancellationToken)
    {
        _write.ThrowIfFailed();
        var claim = new MemberClaim(token.GroupId, token.Epoch);
        var answer = Take(_group.Renew(member, claim, Now()));
        var hasNews = answer.Refusal is not null || _group.HasNews(member, token.Epoch);
        if (!hasNews && waitMs > 0)
        {
            var wait = TimeSpan.FromMilliseconds(Math.Min(waitMs, GroupLimits.WaitMsMax));
            hasNews = await _waits.ParkAsync(member, token.Epoch, wait, cancellationToken);
        }

        var gone = _group.CheckMember(member, claim);
        // The removal of the member is stored before it is answered. Otherwise an activation that does not know of it could go on serving the member.
        if (gone is not null)
            await _write.FlushAsync();
        return new GroupWaitResponse(hasNews, _group.LeaseLeftMs(member, Now())) { Error = GroupMapping.ToError(gone) };
    }

    /// <inheritdoc/>
    public async Task<GroupMemberResponse> CommitAsync(string member, MemberToken token, ImmutableArray<PartitionOffset> offsets)
    {
        await BeginAsync(mayCreate: false);
        var answer = Take(_group.Commit(member, new MemberClaim(token.GroupId, token.Epoch), GroupMapping.ToCommits(offsets), Now()));
        var response = GroupMapping.ToResponse(_group, member, answer);
        await _write.FlushAsync();
        return response;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> LeaveAsync(string member, long? epoch)
    {
        await BeginAsync(mayCreate: false);
        var refusal = epoch is null && _classic.Members.Any(one => one.Id == member)
            ? Take(_classic.Leave([new ClassicLeaver(member, InstanceId: null)], Now()))[0]
            : Take(_group.Leave(member, epoch, Now()));
        await _write.FlushAsync();
        return GroupMapping.ToError(refusal);
    }

    /// <inheritdoc/>
    public async Task<GroupDescription?> DescribeAsync()
    {
        await BeginAsync(mayCreate: false);
        if (_group.Exists)
            Take(_group.UpdateTopics(await FindTopicsAsync([.. _group.TopicNames]), Now()));
        var description = _group.Exists || _classic.IsActive ? await DescribeClassicAsync(GroupMapping.ToDescription(_group, Now())) : null;
        await _write.FlushAsync();
        return description;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> ResetAsync(ImmutableArray<string> topics, ImmutableArray<PartitionOffset> offsets)
    {
        if (await BeginAsync(mayCreate: true) is { } refusal)
            return refusal;
        var found = await FindTopicsAsync(topics);
        var refused = Take(_group.Reset(GroupMapping.ToCommits(offsets), found, Now()));
        await _write.FlushAsync();
        return GroupMapping.ToError(refused);
    }

    /// <inheritdoc/>
    public async Task<StreamError?> DeleteAsync()
    {
        await BeginAsync(mayCreate: false);
        var refusal = Take(_group.MayDelete(Now()));
        if (refusal is null)
        {
            // The retry topics are deleted first. After a crash in between, the group is still there and can be deleted again.
            _deletions++;
            try
            {
                await DeleteRetryTopicsAsync();
                refusal = Take(_group.Delete(Now()));
            }
            finally
            {
                _deletions--;
                KeepRedriving();
            }
        }

        await _write.FlushAsync();
        if (refusal is null)
            await ForgetAsync();
        return GroupMapping.ToError(refusal);
    }

    /// <inheritdoc/>
    public async Task<bool> ExpireAsync()
    {
        var existed = _group.Exists;
        Take(_group.Tick(Now()));
        Take(_classic.Tick(Now()));
        var exists = _group.Exists;
        await _write.FlushAsync();
        if (existed && !exists)
            await ForgetAsync();
        _stay.Asked();
        return exists;
    }

    private GroupTime Now() => new(
        time.GetTimestamp() / (time.TimestampFrequency / 1000), time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>Verifies that this activation still owns the state, and registers a group that the call may create.</summary>
    private async Task<StreamError?> BeginAsync(bool mayCreate)
    {
        if (time.GetElapsedTime(_ownedAt) > GroupGrainLimits.OwnershipAge)
            await _write.ConfirmAsync();
        _write.ThrowIfFailed();
        _stay.Asked();
        return mayCreate && !_group.Exists ? await Catalog.RegisterAsync(Name) : null;
    }

    /// <summary>Removes the group from the catalogue, unless it was created again meanwhile.</summary>
    private async Task ForgetAsync()
    {
        await Catalog.RemoveAsync(Name);
        if (_group.Exists)
            await Catalog.RegisterAsync(Name);
        _stay.Asked();
    }

    private T Take<T>(Handled<T> handled)
    {
        if (handled.Events.Length > 0)
        {
            _write.Changed();
            if (handled.Events.OfType<TargetAssigned>().Any())
                LogAssigned(Name, _group.Members.Count, _group.GroupEpoch);
            // Waiting members are woken only by changes of the assignment, and not by commits.
            if (handled.Events.Any(change => change is not (OffsetsCommitted or OffsetsReset or OffsetsRemoved)))
                _waits.Wake(_group.HasNews);
        }

        KeepTime();
        return handled.Answer;
    }

    /// <summary>Runs the timer while the group has members. The timer also keeps the activation alive.</summary>
    private void KeepTime()
    {
        if (_group.Members.Count == 0 && !_classic.IsActive)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }

        _timer ??= this.RegisterGrainTimer(TickAsync, new GrainTimerCreationOptions
        {
            DueTime = GroupGrainLimits.TickPeriod,
            Period = GroupGrainLimits.TickPeriod,
            Interleave = true,
            KeepAlive = true,
        });
        if (Earlier(_group.RebalanceDueMs(Now()), _classic.DueMs(Now())) is { } dueMs && dueMs < GroupGrainLimits.TickPeriod.TotalMilliseconds)
            _timer.Change(TimeSpan.FromMilliseconds(dueMs), GroupGrainLimits.TickPeriod);
    }

    private static long? Earlier(long? one, long? other) => one is null ? other : other is null ? one : Math.Min(one.Value, other.Value);

    private async Task TickAsync(CancellationToken cancellationToken)
    {
        Take(_group.Tick(Now()));
        Take(_classic.Tick(Now()));
        if (_refresh.IsCompleted && time.GetElapsedTime(_topicsAt) >= GroupGrainLimits.TopicsPeriod)
            _refresh = RefreshTopicsAsync();
        try
        {
            await _write.FlushAsync();
        }
        catch (StreamException)
        {
            // Fail has logged the error, and a timer has no caller to answer.
        }
    }

    private async Task RefreshTopicsAsync()
    {
        try
        {
            var found = await FindTopicsAsync([.. _group.TopicNames]);
            Take(_group.UpdateTopics(found, Now()));
        }
        catch (StreamException e)
        {
            if (failures.IsToTell($"topics of group {Name}", out var count))
                LogTopicsUnknown(e, Name, count);
        }

        _topicsAt = time.GetTimestamp();
    }

    private Task<ImmutableArray<TopicLookup>> FindTopicsAsync(ImmutableArray<string> names) => _topics.FindAsync(names, _group.Topics.ContainsKey);

    private async Task WriteAsync()
    {
        state.State = new GroupDocument { Events = _group.ToEvents() };
        if (_group.Exists)
            await state.WriteStateAsync();
        else
            await state.ClearStateAsync();
        _ownedAt = time.GetTimestamp();
    }

    private async Task<bool> IsOwnAsync()
    {
        var etag = state.Etag;
        await state.ReadStateAsync();
        _ownedAt = time.GetTimestamp();
        return state.Etag == etag;
    }

    private void Fail(Exception exception)
    {
        if (failures.IsToTell($"write group {Name}", out var count))
            LogWriteFailed(exception, Name, count);
        _waits.Wake((_, _) => true);
        EndParked();
        DeactivateOnIdle();
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The partitions of group {Group} were assigned to {Members} members at group epoch {Epoch}")]
    private partial void LogAssigned(string group, int members, long epoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The topics of group {Group} could not be looked at; failures since this was last said: {Failures}")]
    private partial void LogTopicsUnknown(Exception exception, string group, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "The state of group {Group} could not be kept by this activation; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, string group, int failures);
}
