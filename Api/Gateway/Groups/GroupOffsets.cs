using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Groups;

/// <summary>A group's offsets: read, commit, set. It refuses offsets that are known to lie beyond the end of their log.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="groups">The groups.</param>
/// <param name="grains">Gets the grains of groups and topics.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="known">The existing topics.</param>
public sealed class GroupOffsets(AccessControl access, ConsumerGroups groups, IGrainFactory grains, LogEnds ends, KnownTopics known)
{
    /// <summary>The committed offsets of a group, by topic and partition.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="topic">Only of this topic; null for all.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group does not exist.</exception>
    public async Task<IEnumerable<GroupOffset>> ListAsync(Caller caller, string group, string? topic, CancellationToken cancellationToken)
    {
        var description = await groups.DescribeAsync(caller, group, cancellationToken);
        return description.Offsets.Where(offset => (topic is null || offset.Topic == topic)
            && access.Allows(caller, AccessOperations.Describe, ResourceKind.Topic, offset.Topic));
    }

    /// <summary>The committed offsets of some partitions of a group, by topic and partition.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="partitions">Offsets whose partitions are meant.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">The group does not exist.</exception>
    public async Task<IEnumerable<GroupOffset>> ListAsync(Caller caller, string group, ImmutableArray<PartitionOffset> partitions,
        CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Describe, group);
        var wanted = partitions.Select(offset => (offset.TopicId, offset.Partition)).ToHashSet();
        var description = await groups.DescribeAsync(caller, group, cancellationToken);
        return description.Offsets.Where(offset => wanted.Contains((offset.TopicId, offset.Partition))
            && access.Allows(caller, AccessOperations.Describe, ResourceKind.Topic, offset.Topic));
    }

    /// <summary>Commits offsets of a member's partitions, all or none.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member; its id is valid.</param>
    /// <param name="memberEpoch">Its epoch, as the group told it last.</param>
    /// <param name="offsets">The offsets.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">A topic or partition does not exist, or an offset lies beyond the end of its log.</exception>
    public async Task<CommitOutcome> CommitAsync(
        Caller caller, string group, string member, long memberEpoch, IReadOnlyList<TopicOffset> offsets, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        DemandTopics(caller, AccessOperations.Read, offsets);
        var found = await FindAsync(caller, offsets, cancellationToken);
        await ends.CheckAsync(Named(offsets, found), mustKnow: false, cancellationToken);
        return await CommitAsync(group, member, new MemberToken(Guid.Empty, memberEpoch), found, cancellationToken);
    }

    /// <summary>Commits the offsets of a member's answer.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member; its id is valid.</param>
    /// <param name="cursor">The answer's cursor.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <exception cref="StreamException">An offset lies beyond the end of its log, or the answer has records that only a poll can commit.</exception>
    public async Task<CommitOutcome> CommitAsync(Caller caller, string group, string member, GroupCursor cursor, CancellationToken cancellationToken)
    {
        access.DemandGroup(caller, AccessOperations.Read, group);
        if (cursor.Holds.Count > 0)
            throw StreamException.InvalidRequest("cursor", "The cursor's answer has records that wait in place, or that were passed over for such a record. Only a poll can commit this cursor.");
        ImmutableArray<PartitionOffset> offsets = [.. cursor.Offsets];
        if (!offsets.All(offset => ends.Covers(offset)))
        {
            var standing = await Group(group).CommitAsync(member, cursor.Token, []).WaitAsync(cancellationToken);
            if (standing.Error is not null)
                return new CommitOutcome(MemberRefusal.Of(standing, group, member), []);
            await ends.CheckAsync(standing.Assignment.NamesOf(offsets, (_, _) => true), mustKnow: false, cancellationToken);
        }

        return await CommitAsync(group, member, cursor.Token, offsets, cancellationToken);
    }

    /// <summary>Sets offsets of a group without members, forward or back, all or none. Creates the group when it does not exist.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="offsets">The offsets.</param>
    /// <param name="cancellationToken">The caller's deadline.</param>
    /// <returns>The offsets that were set.</returns>
    /// <exception cref="StreamException">
    /// A topic or partition does not exist, an offset lies beyond the end of its log or the end is not known, or the group has members.
    /// </exception>
    public Task<ImmutableArray<PartitionOffset>> SetAsync(
        Caller caller, string group, IReadOnlyList<TopicOffset> offsets, CancellationToken cancellationToken) => access.ManageGroupAsync(
        caller, group,
        async () =>
        {
            DemandTopics(caller, AccessOperations.Describe, offsets);
            var found = await FindAsync(caller, offsets, cancellationToken);
            await ends.CheckAsync(Named(offsets, found), mustKnow: true, cancellationToken);
            return await Group(group).ResetAsync(NamesOf(offsets), found).WaitAsync(cancellationToken) is { } error
                ? throw new StreamException(error) : found;
        });

    private void DemandTopics(Caller caller, AccessOperations operation, IReadOnlyList<TopicOffset> offsets)
    {
        foreach (var topic in NamesOf(offsets))
            access.DemandTopic(caller, operation, topic);
    }

    private IConsumerGroupGrain Group(string group) => grains.GetGrain<IConsumerGroupGrain>(group);

    private async Task<CommitOutcome> CommitAsync(
        string group, string member, MemberToken token, ImmutableArray<PartitionOffset> offsets, CancellationToken cancellationToken)
    {
        var response = await Group(group).CommitAsync(member, token, offsets).WaitAsync(cancellationToken);
        return response.Error is null ? new CommitOutcome(null, offsets) : new CommitOutcome(MemberRefusal.Of(response, group, member), []);
    }

    private static ImmutableArray<string> NamesOf(IReadOnlyList<TopicOffset> offsets) =>
        [.. offsets.Select(offset => offset.Topic).Distinct(StringComparer.Ordinal)];

    private async Task<ImmutableArray<PartitionOffset>> FindAsync(Caller caller, IReadOnlyList<TopicOffset> offsets,
        CancellationToken cancellationToken)
    {
        var topics = new Dictionary<string, TopicMetadata>(StringComparer.Ordinal);
        foreach (var name in NamesOf(offsets))
        {
            await known.RequireAsync(caller, name, cancellationToken);
            var response = await grains.GetGrain<ITopicGrain>(name).GetAsync().WaitAsync(cancellationToken);
            topics[name] = response.Topic ?? throw new StreamException(response.Error!);
        }

        return [.. offsets.Select((offset, i) => Find(offset, i, topics[offset.Topic]))];
    }

    private static PartitionOffset Find(TopicOffset offset, int index, TopicMetadata topic) => offset.Partition < topic.PartitionCount
        ? new PartitionOffset(topic.Id, offset.Partition, offset.Offset, offset.Metadata)
        : throw new StreamException(new StreamError(
            StreamErrorCode.UnknownTopicOrPartition,
            $"Topic '{offset.Topic}' has {topic.PartitionCount} partitions, numbered from 0, and so no partition {offset.Partition}.")
        {
            Field = $"offsets[{index}].partition",
        });

    private static IEnumerable<NamedOffset> Named(IReadOnlyList<TopicOffset> offsets, ImmutableArray<PartitionOffset> found) =>
        found.Select((offset, i) => new NamedOffset(offsets[i].Topic, offset, $"offsets[{i}].offset"));
}
