using OrleansStream.Errors;
using OrleansStream.Groups;

namespace OrleansStream.Gateway.Groups;

/// <summary>The consumer groups there are: list, describe and delete them, take out a member, say what becomes of records that fail.</summary>
/// <param name="grains">The way to the groups.</param>
public sealed class ConsumerGroups(IGrainFactory grains)
{
    /// <summary>Lists groups in ordinal order of their names.</summary>
    /// <param name="prefix">Only names that start with this; empty for all.</param>
    /// <param name="after">Only names behind this one; null from the start.</param>
    /// <param name="limit">The most groups, up to <see cref="GroupLimits.CatalogPageMax"/>.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<GroupPage> ListAsync(string prefix, string? after, int limit, CancellationToken cancellationToken) =>
        grains.GetGrain<IGroupCatalogGrain>(IGroupCatalogGrain.Key).ListAsync(prefix, after, limit).WaitAsync(cancellationToken);

    /// <summary>The group as it is.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.GroupIdNotFound"/>: there is none.</exception>
    public async Task<GroupDescription> DescribeAsync(string group, CancellationToken cancellationToken) =>
        await FindAsync(group, cancellationToken)
        ?? throw new StreamException(new StreamError(StreamErrorCode.GroupIdNotFound, $"There is no group '{group}'."));

    /// <summary>The group as it is; null when there is none.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<GroupDescription?> FindAsync(string group, CancellationToken cancellationToken) => Group(group).DescribeAsync().WaitAsync(cancellationToken);

    /// <summary>Deletes a group without members, its offsets, and the topics in which records wait for their next attempt. Its dead letters stay.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">There is none, or it has members.</exception>
    public async Task DeleteAsync(string group, CancellationToken cancellationToken) => Throw(await Group(group).DeleteAsync().WaitAsync(cancellationToken));

    /// <summary>Takes a member out at once; its partitions go to the others.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member.</param>
    /// <param name="memberEpoch">Its epoch, so that a replaced process does not take out its successor; null for any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">There is no such member, or its epoch is another.</exception>
    public async Task LeaveAsync(string group, string member, long? memberEpoch, CancellationToken cancellationToken) =>
        Throw(await Group(group).LeaveAsync(member, memberEpoch).WaitAsync(cancellationToken));

    /// <summary>Sets what becomes of records that members could not work on; makes the group when there is none.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="policy">The policy; its numbers are within their bounds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">Topics of these names cannot be the group's, or would be too long.</exception>
    public async Task SetRetryPolicyAsync(string group, GroupRetryPolicy policy, CancellationToken cancellationToken)
    {
        Throw(RetryTopics.ValidateGroup(group));
        Throw(RetryTopics.ValidateDeadLetters(policy.DeadLetterTopic, group));
        Throw(await Group(group).SetRetryAsync(policy).WaitAsync(cancellationToken));
    }

    /// <summary>Begins to take dead letters back, in the background; asking for the redrive that is under way changes nothing.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How far it is.</returns>
    /// <exception cref="StreamException">The group has no policy, another redrive is under way, or a stopped one has not ended yet.</exception>
    public async Task<RedriveDescription?> BeginRedriveAsync(string group, RedriveFilter filter, CancellationToken cancellationToken)
    {
        Throw(await Group(group).BeginRedriveAsync(filter).WaitAsync(cancellationToken));
        return await DescribeRedriveAsync(group, cancellationToken);
    }

    /// <summary>How far the group's last redrive is; null when there was none.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task<RedriveDescription?> DescribeRedriveAsync(string group, CancellationToken cancellationToken) =>
        Group(group).DescribeRedriveAsync().WaitAsync(cancellationToken);

    /// <summary>Stops the redrive that is under way; without one nothing changes.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>How far the last one came; null when there was none.</returns>
    public Task<RedriveDescription?> StopRedriveAsync(string group, CancellationToken cancellationToken) =>
        Group(group).StopRedriveAsync().WaitAsync(cancellationToken);

    private IConsumerGroupGrain Group(string group) => grains.GetGrain<IConsumerGroupGrain>(group);

    private static void Throw(StreamError? error)
    {
        if (error is not null)
            throw new StreamException(error);
    }
}
