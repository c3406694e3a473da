using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>
/// The calls of members whose partitions the group assigns: those that poll, and those whose heartbeats say what they own (KIP-848).
/// </summary>
/// <param name="group">The group.</param>
internal sealed class GroupMembers(StoredGroup group)
{
    /// <inheritdoc cref="IConsumerGroupGrain.PollAsync"/>
    public async Task<GroupMemberResponse> PollAsync(GroupPollRequest request)
    {
        var (refusal, found) = await GatherAsync(
            isJoin: request.Token is null && !request.NeverJoins, mayCreate: !request.NeverJoins,
            () => request.HasFailed ? group.State.WithRetries(request.Topics) : request.Topics);
        if (refusal is not null)
            return new GroupMemberResponse(refusal, Token: null, LeaseLeftMs: 0, []);
        var answer = group.Take(group.State.Poll(GroupConversions.ToCommand(request, found, group.Random), group.Now()));
        var response = GroupConversions.ToResponse(group.State, request.Member, answer);
        await group.FlushAsync();
        return response;
    }

    /// <inheritdoc cref="IConsumerGroupGrain.HeartbeatAsync"/>
    public async Task<GroupHeartbeatResponse> HeartbeatAsync(GroupHeartbeatRequest request)
    {
        var isJoin = request.Epoch == 0;
        var (refusal, found) = await GatherAsync(
            isJoin, mayCreate: isJoin, () => [.. request.Topics ?? [], .. request.Matched?.Topics ?? []]);
        if (refusal is not null)
            return new GroupHeartbeatResponse(refusal, Epoch: 0, Assigned: null, IsSettled: false);
        var answer = group.Take(group.State.Heartbeat(GroupConversions.ToCommand(request, found), group.Now()));
        await group.FlushAsync();
        return GroupConversions.ToResponse(answer);
    }

    /// <inheritdoc cref="IConsumerGroupGrain.WaitAsync"/>
    public async Task<GroupWaitResponse> WaitAsync(string member, MemberToken token, int waitMs, CancellationToken cancellationToken)
    {
        group.ThrowIfFailed();
        var claim = new MemberClaim(token.GroupId, token.Epoch);
        var answer = group.Take(group.State.Renew(member, claim, group.Now()));
        var hasNews = answer.Refusal is not null || group.State.HasNews(member, token.Epoch);
        if (!hasNews && waitMs > 0)
        {
            var wait = TimeSpan.FromMilliseconds(Math.Min(waitMs, GroupLimits.WaitMsMax));
            hasNews = await group.Waits.ParkAsync(member, token.Epoch, wait, cancellationToken);
        }

        var gone = group.State.CheckMember(member, claim);
        // The removal of the member is stored before it is answered. Otherwise an activation that does not know of it could go on serving the member.
        if (gone is not null)
            await group.FlushAsync();
        return new GroupWaitResponse(hasNews, group.State.LeaseLeftMs(member, group.Now())) { Error = GroupConversions.ToError(gone) };
    }

    /// <inheritdoc cref="IConsumerGroupGrain.CommitAsync"/>
    public async Task<GroupMemberResponse> CommitAsync(string member, MemberToken token, ImmutableArray<PartitionOffset> offsets)
    {
        await group.BeginAsync(mayCreate: false);
        var answer = group.Take(group.State.Commit(
            member, new MemberClaim(token.GroupId, token.Epoch), GroupConversions.ToCommits(offsets), group.Now()));
        var response = GroupConversions.ToResponse(group.State, member, answer);
        await group.FlushAsync();
        return response;
    }

    /// <inheritdoc cref="IConsumerGroupGrain.LeaveAsync"/>
    public async Task<StreamError?> LeaveAsync(string member, long? epoch)
    {
        await group.BeginAsync(mayCreate: false);
        var refusal = epoch is null && group.Classic.Members.Any(one => one.Id == member)
            ? group.Take(group.Classic.Leave([new ClassicLeaver(member, InstanceId: null)], group.Now()))[0]
            : group.Take(group.State.Leave(member, epoch, group.Now()));
        await group.FlushAsync();
        return GroupConversions.ToError(refusal);
    }

    /// <summary>
    /// Gathers what a member's call needs before it changes the state. Members whose joins overlap are announced to the state, which then assigns
    /// partitions to them together.
    /// </summary>
    private async Task<(StreamError? Refusal, ImmutableArray<TopicLookup> Found)> GatherAsync(
        bool isJoin, bool mayCreate, Func<IEnumerable<string>> topics)
    {
        ImmutableArray<TopicLookup> found;
        group.State.ExpectedPolls += isJoin ? 1 : 0;
        try
        {
            if (await group.BeginAsync(mayCreate) is { } refusal)
                return (refusal, []);
            found = await group.FindNewTopicsAsync(topics());
        }
        finally
        {
            group.State.ExpectedPolls -= isJoin ? 1 : 0;
        }

        return (group.IsBeingDeleted ? group.BeingDeleted() : null, found);
    }
}
