using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Persistence;
using OrleansStream.Randomness;

namespace OrleansStream.Groups;

/// <summary>
/// The grain of a group. It holds a <see cref="StoredGroup"/>, passes each call to the class that has the calls of its kind, and drives the group
/// with a timer.
/// </summary>
/// <remarks>Calls interleave; <see cref="StoredGroup"/> says what holds between two awaits.</remarks>
[GrainType("consumer-group")]
internal sealed partial class ConsumerGroupGrain(
    [PersistentState("group", DocumentGrainStorage.ProviderName)] IPersistentState<GroupDocument> state,
    TimeProvider time, RandomSource random, RepeatedFailures failures, ILogger<ConsumerGroupGrain> logger)
    : Grain, IConsumerGroupGrain, IClassicGroupGrain
{
    private StoredGroup _group = null!;
    private GroupMembers _members = null!;
    private ClassicMembers _classic = null!;
    private GroupCommits _commits = null!;
    private GroupRedrive _redrive = null!;
    private GroupDeletion _deletion = null!;
    private GroupDescriber _describer = null!;
    private IGrainTimer? _timer;
    private Task _refresh = Task.CompletedTask;
    private long _topicsAt;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _group = new StoredGroup(this.GetPrimaryKeyString(), this, state, GrainFactory, time, random, failures, logger, KeepTime);
        _members = new GroupMembers(_group);
        _classic = new ClassicMembers(_group);
        _commits = new GroupCommits(_group);
        _redrive = new GroupRedrive(_group, GrainFactory, time, failures, logger);
        _deletion = new GroupDeletion(_group, _redrive, GrainFactory);
        _describer = new GroupDescriber(_group);
        _topicsAt = time.GetTimestamp();
        KeepTime();
        _redrive.KeepGoing();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _redrive.Leave();
        _group.Leave();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<GroupMemberResponse> PollAsync(GroupPollRequest request) => _members.PollAsync(request);

    /// <inheritdoc/>
    public Task<GroupHeartbeatResponse> HeartbeatAsync(GroupHeartbeatRequest request) => _members.HeartbeatAsync(request);

    /// <inheritdoc/>
    public Task<GroupWaitResponse> WaitAsync(string member, MemberToken token, int waitMs, CancellationToken cancellationToken) =>
        _members.WaitAsync(member, token, waitMs, cancellationToken);

    /// <inheritdoc/>
    public Task<GroupMemberResponse> CommitAsync(string member, MemberToken token, ImmutableArray<PartitionOffset> offsets) =>
        _members.CommitAsync(member, token, offsets);

    /// <inheritdoc/>
    public Task<StreamError?> LeaveAsync(string member, long? epoch) => _members.LeaveAsync(member, epoch);

    /// <inheritdoc/>
    public Task<ClassicJoinResponse> JoinAsync(ClassicJoinRequest request, CancellationToken cancellationToken) =>
        _classic.JoinAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<ClassicSyncResponse> SyncAsync(ClassicSyncRequest request, CancellationToken cancellationToken) =>
        _classic.SyncAsync(request, cancellationToken);

    /// <inheritdoc/>
    public Task<StreamError?> HeartbeatAsync(GroupClaim claim) => _classic.HeartbeatAsync(claim);

    /// <inheritdoc/>
    public Task<ImmutableArray<StreamError?>> LeaveAsync(ImmutableArray<GroupLeaver> leavers) => _classic.LeaveAsync(leavers);

    /// <inheritdoc/>
    public Task<GroupCommitResponse> CommitAsync(GroupClaim claim, ImmutableArray<NamedPartitionOffset> offsets) =>
        _commits.CommitAsync(claim, offsets);

    /// <inheritdoc/>
    public Task<GroupCommitResponse> ForgetAsync(ImmutableArray<NamedPartitionOffset> partitions) => _commits.ForgetAsync(partitions);

    /// <inheritdoc/>
    public Task<StreamError?> ResetAsync(ImmutableArray<string> topics, ImmutableArray<PartitionOffset> offsets) =>
        _commits.ResetAsync(topics, offsets);

    /// <inheritdoc/>
    public async Task<StreamError?> SetRetryAsync(GroupRetryPolicy policy)
    {
        if (await _group.BeginAsync(mayCreate: true) is { } refusal)
            return refusal;
        var refused = _group.Take(_group.State.SetRetry(GroupConversions.ToRetry(policy, _group.Name), _group.Now()));
        await _group.FlushAsync();
        return GroupConversions.ToError(refused);
    }

    /// <inheritdoc/>
    public Task<StreamError?> BeginRedriveAsync(RedriveFilter filter) => _redrive.BeginAsync(filter);

    /// <inheritdoc/>
    public Task<RedriveDescription?> DescribeRedriveAsync() => _redrive.DescribeAsync();

    /// <inheritdoc/>
    public Task<RedriveDescription?> StopRedriveAsync() => _redrive.StopAsync();

    /// <inheritdoc/>
    public Task<StreamError?> DeleteAsync() => _deletion.DeleteAsync();

    /// <inheritdoc/>
    public Task<GroupDescription?> DescribeAsync() => _describer.DescribeAsync();

    /// <inheritdoc/>
    public Task<GroupMeasurement?> MeasureAsync() => _describer.MeasureAsync();

    /// <inheritdoc/>
    public async Task<bool> ExpireAsync()
    {
        _group.Tick();
        await _group.FlushAsync();
        return !await _group.ForgetAsync();
    }

    /// <summary>Runs the timer while the group has members. The timer also keeps the activation alive.</summary>
    private void KeepTime()
    {
        if (_group.State.Members.Count == 0 && !_group.Classic.IsActive)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }

        _timer ??= this.RegisterGrainTimer(TickAsync, new GrainTimerCreationOptions(GroupGrainLimits.TickPeriod, GroupGrainLimits.TickPeriod)
        {
            Interleave = true,
            KeepAlive = true,
        });
        if (_group.FindDue() is { } due && due < GroupGrainLimits.TickPeriod)
            _timer.Change(due, GroupGrainLimits.TickPeriod);
    }

    private async Task TickAsync(CancellationToken cancellationToken)
    {
        _group.Tick();
        if (_refresh.IsCompleted && time.GetElapsedTime(_topicsAt) >= GroupGrainLimits.TopicsPeriod)
            _refresh = RefreshTopicsAsync();
        try
        {
            await _group.StoreAsync();
        }
        catch (StreamException)
        {
            // The failed write is in the log already, and a timer has no caller to answer.
        }
    }

    private async Task RefreshTopicsAsync()
    {
        try
        {
            await _group.UpdateTopicsAsync();
        }
        catch (StreamException e)
        {
            if (failures.IsToTell($"topics of group {_group.Name}", out var count))
                LogTopicsUnknown(e, _group.Name, count);
        }

        _topicsAt = time.GetTimestamp();
    }

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The topics of group {Group} could not be looked at; failures since this was last said: {Failures}")]
    private partial void LogTopicsUnknown(Exception exception, string group, int failures);
}
