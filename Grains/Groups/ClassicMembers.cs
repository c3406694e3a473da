using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;

namespace OrleansStream.Groups;

/// <summary>The calls of members that assign partitions among themselves. There are at most as many waiting calls as members.</summary>
/// <param name="group">The group.</param>
internal sealed class ClassicMembers(StoredGroup group)
{
    /// <inheritdoc cref="IClassicGroupGrain.JoinAsync"/>
    public async Task<ClassicJoinResponse> JoinAsync(ClassicJoinRequest request, CancellationToken cancellationToken)
    {
        if (await group.BeginAsync(mayCreate: true) is { } refusal)
            return ClassicConversions.Refused(request.Member, refusal);
        if (group.IsBeingDeleted)
            return ClassicConversions.Refused(request.Member, group.BeingDeleted());
        var call = group.Calls.Park();
        var member = group.Take(group.Classic.Join(ClassicConversions.ToCommand(request), call.Ticket, group.Now()));
        return await WaitAsync(call, cancellationToken) is JoinDelivery told ? ClassicConversions.ToResponse(told.Answer)
            : ClassicConversions.Waiting(member);
    }

    /// <inheritdoc cref="IClassicGroupGrain.SyncAsync"/>
    public async Task<ClassicSyncResponse> SyncAsync(ClassicSyncRequest request, CancellationToken cancellationToken)
    {
        await group.BeginAsync(mayCreate: false);
        var call = group.Calls.Park();
        group.Take(group.Classic.Sync(ClassicConversions.ToCommand(request), call.Ticket, group.Now()));
        return await WaitAsync(call, cancellationToken) is SyncDelivery told
            ? ClassicConversions.ToResponse(told.Answer)
            : ClassicConversions.StillAssigning;
    }

    /// <inheritdoc cref="IClassicGroupGrain.HeartbeatAsync"/>
    public async Task<StreamError?> HeartbeatAsync(GroupClaim claim)
    {
        await group.BeginAsync(mayCreate: false);
        var refusal = group.Take(group.Classic.Heartbeat(ClassicConversions.ToClaim(claim), group.Now()));
        await group.FlushAsync();
        return GroupConversions.ToError(refusal);
    }

    /// <inheritdoc cref="IClassicGroupGrain.LeaveAsync"/>
    public async Task<ImmutableArray<StreamError?>> LeaveAsync(ImmutableArray<GroupLeaver> leavers)
    {
        await group.BeginAsync(mayCreate: false);
        var refusals = group.Take(group.Classic.Leave(
            [.. leavers.Select(one => new ClassicLeaver(one.Member, one.InstanceId))], group.Now()));
        await group.FlushAsync();
        return [.. refusals.Select(GroupConversions.ToError)];
    }

    /// <returns>The answer; null when there is none yet, and the caller asks again.</returns>
    private async Task<ClassicDelivery?> WaitAsync(ParkedCall call, CancellationToken cancellationToken)
    {
        var answer = await group.Calls.WaitAsync(call, TimeSpan.FromMilliseconds(GroupLimits.WaitMsMax), cancellationToken);
        if (answer is null)
        {
            group.Classic.Abandon(call.Ticket, group.Now());
            await group.FlushAsync();
        }

        return answer;
    }
}
