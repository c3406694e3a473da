using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>Members that say what they have, and share the group with members that poll.</summary>
internal sealed partial class ConsumerGroupGrain
{
    /// <inheritdoc/>
    public async Task<GroupHeartbeatResponse> HeartbeatAsync(GroupHeartbeatRequest request)
    {
        // Those that come together are assigned together.
        var joins = request.Epoch == 0;
        _group.ExpectedPolls += joins ? 1 : 0;
        ImmutableArray<TopicLookup> found;
        try
        {
            if (await BeginAsync(mayCreate: joins) is { } refusal)
                return new GroupHeartbeatResponse(refusal, Epoch: 0, Assigned: null, IsSettled: false);
            found = await FindTopicsAsync([.. (request.Topics ?? []).Where(topic => !_group.Topics.ContainsKey(topic))]);
        }
        finally
        {
            _group.ExpectedPolls -= joins ? 1 : 0;
        }

        if (_deletions > 0)
            return new GroupHeartbeatResponse(BeingDeleted(), Epoch: 0, Assigned: null, IsSettled: false);
        var answer = Take(_group.Heartbeat(GroupMapping.ToCommand(request, found), Now()));
        await _write.FlushAsync();
        return GroupMapping.ToResponse(answer);
    }

    /// <summary>Refuses whoever may not commit.</summary>
    private GroupRefusal? CheckCommitter(in GroupClaim claim) => _group.FindMember(claim.Member) is { Consumer: not null }
        ? Take(_group.CheckConsumerCommit(claim.Member, claim.Generation, Now()))
        : Take(_classic.CheckCommit(ClassicMapping.ToClaim(claim), Now()));
}
