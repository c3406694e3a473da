using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>The calls that set a group's offsets by the topics' names: commits of Kafka's protocols, resets and removals.</summary>
/// <param name="group">The group.</param>
internal sealed class GroupCommits(StoredGroup group)
{
    /// <inheritdoc cref="IClassicGroupGrain.CommitAsync"/>
    public async Task<GroupCommitResponse> CommitAsync(GroupClaim claim, ImmutableArray<NamedPartitionOffset> offsets)
    {
        if (await group.BeginAsync(mayCreate: true) is { } refusal)
            return new GroupCommitResponse(refusal, []);
        var found = await group.FindNewTopicsAsync(offsets.Select(one => one.Topic).Distinct(StringComparer.Ordinal));
        if (group.IsBeingDeleted)
            return new GroupCommitResponse(group.BeingDeleted(), []);
        if (CheckCommitter(claim) is { } refused)
        {
            await group.FlushAsync();
            return new GroupCommitResponse(GroupConversions.ToError(refused), []);
        }

        var ids = found.Where(one => one.Topic is not null).ToDictionary(one => one.Name, one => one.Topic!.Id, StringComparer.Ordinal);
        ImmutableArray<OffsetCommit> commits = [.. offsets.Select(one => ToCommit(one, ids))];
        var owner = group.State.FindMember(claim.Member)?.Id;
        var refusals = group.Take(group.State.Keep([.. commits.Where(IsOwned)], found, group.Now()));
        await group.FlushAsync();
        var next = 0;
        return new GroupCommitResponse(
            Error: null, [.. commits.Select(commit => GroupConversions.ToError(IsOwned(commit) ? refusals[next++] : NotOwned(commit)))]);

        // Members of the classic protocol assign partitions among themselves: the group does not know whose they are.
        bool IsOwned(OffsetCommit commit) => owner is null || group.State.IsOwner(owner, commit.Partition);

        static GroupRefusal NotOwned(OffsetCommit commit) =>
            new(StreamErrorCode.StaleMemberEpoch, $"Partition {commit.Partition.Partition} is not the member's: nothing was committed for it.");
    }

    /// <inheritdoc cref="IClassicGroupGrain.ForgetAsync"/>
    public async Task<GroupCommitResponse> ForgetAsync(ImmutableArray<NamedPartitionOffset> partitions)
    {
        await group.BeginAsync(mayCreate: false);
        if (!group.State.Exists)
            return new GroupCommitResponse(new StreamError(StreamErrorCode.GroupIdNotFound, "There is no such group."), []);
        var read = ReadTopics().ToHashSet(StringComparer.Ordinal);
        var errors = partitions.Select(one => read.Contains(one.Topic)
            ? new StreamError(StreamErrorCode.GroupSubscribedToTopic, $"Members of the group read topic '{one.Topic}'. They have to leave first.")
            : null).ToImmutableArray();
        group.Take(group.State.Forget(PartitionSet.Of(partitions
            .Where(one => !read.Contains(one.Topic) && group.State.Topics.ContainsKey(one.Topic))
            .Select(one => new TopicPartition(group.State.Topics[one.Topic].Id, one.Partition))), group.Now()));
        await group.FlushAsync();
        return new GroupCommitResponse(Error: null, errors);
    }

    /// <inheritdoc cref="IConsumerGroupGrain.ResetAsync"/>
    public async Task<StreamError?> ResetAsync(ImmutableArray<string> topics, ImmutableArray<PartitionOffset> offsets)
    {
        if (await group.BeginAsync(mayCreate: true) is { } refusal)
            return refusal;
        var found = await group.FindTopicsAsync(topics);
        var refused = group.Take(group.State.Reset(GroupConversions.ToCommits(offsets), found, group.Now()));
        await group.FlushAsync();
        return GroupConversions.ToError(refused);
    }

    /// <summary>
    /// Refuses a caller that may not commit. While the group has members that poll or send heartbeats, only one that sends heartbeats commits by
    /// Kafka's protocol: anybody else would go past their epochs and partitions, and past what was passed over for records that wait in place.
    /// </summary>
    private GroupRefusal? CheckCommitter(in GroupClaim claim)
    {
        // It also ends leases that are over, so it comes before the look at the members.
        var refusal = group.Take(group.State.CheckConsumerCommit(claim.Member, claim.Generation, group.Now()));
        return group.State.Members.Count > 0 ? refusal : group.Take(group.Classic.CheckCommit(ClassicConversions.ToClaim(claim), group.Now()));
    }

    private IEnumerable<string> ReadTopics() =>
        group.State.Members.SelectMany(member => member.Topics).Concat(ClassicConversions.TopicsOf(group.Classic));

    private OffsetCommit ToCommit(in NamedPartitionOffset offset, Dictionary<string, Guid> found)
    {
        // A topic that nobody has is refused by an id that nothing has.
        var id = group.State.Topics.GetValueOrDefault(offset.Topic)?.Id ?? found.GetValueOrDefault(offset.Topic);
        return new OffsetCommit(new TopicPartition(id, offset.Partition), offset.Offset, offset.Metadata ?? "");
    }
}
