using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Groups;

/// <summary>The consumer groups: list, describe and delete them, remove a member, set the policy for records that fail.</summary>
/// <remarks>A read whose call is lost is repeated.</remarks>
/// <param name="access">Checks callers' rights.</param>
/// <param name="grains">Gets the groups' grains.</param>
/// <param name="lost">Repeats reads that are lost.</param>
public sealed class ConsumerGroups(AccessControl access, IGrainFactory grains, LostReads lost)
{
    /// <summary>Lists groups in ordinal order of their names.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names after this one; null from the start.</param>
    /// <param name="limit">The most groups, up to <see cref="GroupLimits.CatalogPageMax"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<GroupPage> ListAsync(Caller caller, string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        var visible = access.VisibleTo(caller, ResourceKind.Group);
        var found = ImmutableArray.CreateBuilder<GroupEntry>();
        for (var from = after; ;)
        {
            var page = await ReadAsync(() => grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).ListAsync(prefix, from, limit),
                cancellationToken);
            foreach (var group in page.Groups)
            {
                if (!visible.Contains(group.Name))
                    continue;
                if (found.Count == limit)
                    return new GroupPage(found.ToImmutable(), found[^1].Name);
                found.Add(group);
            }

            if (page.NextAfter is not { } next)
                return new GroupPage(found.ToImmutable(), NextAfter: null);
            if (found.Count == limit)
                return new GroupPage(found.ToImmutable(), found[^1].Name);
            from = next;
        }
    }

    /// <summary>Describes the group.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.GroupIdNotFound"/>: the group does not exist.</exception>
    public async Task<GroupDescription> DescribeAsync(Caller caller, string group, CancellationToken cancellationToken) =>
        await FindAsync(caller, group, cancellationToken)
        ?? throw new StreamException(new StreamError(StreamErrorCode.GroupIdNotFound, $"There is no group '{group}'."));

    /// <summary>Describes the group; null when it does not exist.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<GroupDescription?> FindAsync(Caller caller, string group, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Describe, group);
        return ReadAsync(() => Group(group).DescribeAsync(), cancellationToken);
    }

    /// <summary>Deletes a group without members, its offsets, and its retry topics. Its dead letters stay.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The group does not exist, or it has members.</exception>
    public Task DeleteAsync(Caller caller, string group, CancellationToken cancellationToken) =>
        ManageAsync(caller, group, () => Group(group).DeleteAsync(), nameof(DeleteAsync), cancellationToken);

    /// <summary>Removes a member at once. Its partitions go to the others.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member.</param>
    /// <param name="memberEpoch">Its epoch, so that a replaced process cannot remove its successor; null for any epoch.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The group has no such member, or the member has another epoch.</exception>
    public async Task LeaveAsync(Caller caller, string group, string member, long? memberEpoch, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        Throw(await Group(group).LeaveAsync(member, memberEpoch).WaitAsync(cancellationToken));
    }

    /// <summary>Sets the policy for records that members could not process. Creates the group when it does not exist.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="policy">The policy; its numbers are within their bounds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The group's topics could have the names of another group's, or their names would be too long.</exception>
    public Task SetRetryPolicyAsync(Caller caller, string group, GroupRetryPolicy policy, CancellationToken cancellationToken)
    {
        return ManageAsync(caller, group, SetAsync, nameof(SetRetryPolicyAsync), cancellationToken);

        Task<StreamError?> SetAsync()
        {
            // The service writes to it in the group's name.
            if (policy.DeadLetterTopic is { } deadLetters)
                access.DemandTopic(caller, AccessOperations.Write, deadLetters, nameof(SetRetryPolicyAsync));
            Throw(RetryTopics.ValidateGroup(group));
            Throw(RetryTopics.ValidateDeadLetters(policy.DeadLetterTopic, group));
            return Group(group).SetRetryAsync(policy);
        }
    }

    /// <summary>
    /// Begins to send dead letters back to their topics, in the background. Asking again for a redrive that is under way changes nothing.
    /// </summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="filter">Which dead letters.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Its progress.</returns>
    /// <exception cref="StreamException">The group has no policy, another redrive is under way, or a stopped one has not ended yet.</exception>
    public async Task<RedriveDescription?> BeginRedriveAsync(Caller caller, string group, RedriveFilter filter, CancellationToken cancellationToken)
    {
        await ManageAsync(caller, group, () => Group(group).BeginRedriveAsync(filter), nameof(BeginRedriveAsync), cancellationToken);
        return await DescribeRedriveAsync(caller, group, cancellationToken);
    }

    /// <summary>The progress of the group's last redrive; null when there was none.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<RedriveDescription?> DescribeRedriveAsync(Caller caller, string group, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Describe, group);
        return ReadAsync(() => Group(group).DescribeRedriveAsync(), cancellationToken);
    }

    /// <summary>Stops the redrive that is under way, if there is one.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The progress of the last redrive; null when there was none.</returns>
    public Task<RedriveDescription?> StopRedriveAsync(Caller caller, string group, CancellationToken cancellationToken) =>
        access.ManageGroupAsync(caller, group, () => Group(group).StopRedriveAsync().WaitAsync(cancellationToken));

    private Task<bool> ManageAsync(Caller caller, string group, Func<Task<StreamError?>> manage, string what, CancellationToken cancellationToken) =>
        access.ManageGroupAsync(
            caller, group,
            async () =>
            {
                Throw(await manage().WaitAsync(cancellationToken));
                return true;
            },
            errorOf: null, what);

    private Task<T> ReadAsync<T>(Func<Task<T>> read, CancellationToken cancellationToken) =>
        lost.RepeatAsync(() => new ValueTask<T>(read().WaitAsync(cancellationToken)), cancellationToken).AsTask();

    private IConsumerGroupGrain Group(string group) => grains.GetGrain<IConsumerGroupGrain>(group);

    private static void Throw(StreamError? error)
    {
        if (error is not null)
            throw new StreamException(error);
    }
}
