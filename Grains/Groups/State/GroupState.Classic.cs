using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>What a group keeps for members of the classic protocol, whose rules are elsewhere.</summary>
internal sealed partial class GroupState
{
    /// <summary>The last generation of the classic protocol; null when nobody ever joined by it.</summary>
    public ClassicGeneration? Classic { get; private set; }

    /// <summary>
    /// The members of the classic protocol, with those that join just now. Whoever runs that protocol keeps the count; it is not stored.
    /// </summary>
    public int ClassicMemberCount { get; set; }

    /// <summary>True when the group has members, by whichever protocol.</summary>
    public bool HasMembers => MemberCount > 0;

    /// <summary>The members, by whichever protocol.</summary>
    public int MemberCount => _members.Count + ClassicMemberCount;

    /// <summary>Keeps a generation of the classic protocol in place of the one before; makes the group when there is none.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="time">Now.</param>
    /// <returns>What changed.</returns>
    public ImmutableArray<GroupEvent> KeepClassic(ClassicGeneration generation, GroupTime time)
    {
        Create(time);
        Raise(new ClassicChanged(generation, time.UnixMs));
        return End(true).Events;
    }

    /// <summary>
    /// Keeps offsets as they are given, forward or back, for whoever may commit them: the caller has seen to that. An offset below 0 means that
    /// none is committed any more. Each is kept or refused by itself.
    /// </summary>
    /// <param name="commits">The offsets.</param>
    /// <param name="found">What their topics are, for those the group does not know.</param>
    /// <param name="time">Now.</param>
    /// <returns>Per offset null, or why it was not kept.</returns>
    public Handled<ImmutableArray<GroupRefusal?>> Keep(ImmutableArray<OffsetCommit> commits, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        var known = Topics.SetItems(found.Where(lookup => lookup.Topic is not null).Select(lookup => KeyValuePair.Create(
            lookup.Name, Learn(lookup.Topic!, Topics.GetValueOrDefault(lookup.Name), isAskedFor: false))));
        if (commits.Any(commit => commit.Offset >= 0 && known.Values.Any(topic => topic.Id == commit.Partition.TopicId)))
            Create(time);
        if (Exists && known != Topics)
            Raise(new TopicsChanged([.. known.Values], GroupEpoch));
        return End(commits.Select(commit => Keep(commit, time)).ToImmutableArray());
    }

    /// <summary>Forgets offsets.</summary>
    /// <param name="partitions">Whose.</param>
    /// <param name="time">Now.</param>
    /// <returns>True when there was one.</returns>
    public Handled<bool> Forget(PartitionSet partitions, GroupTime time)
    {
        EndLeases(time);
        var known = PartitionSet.Of(partitions.Where(partition => _offsets.Find(partition) is not null));
        if (known.Count > 0)
            Raise(new OffsetsRemoved(known));
        return End(known.Count > 0);
    }

    private GroupRefusal? Keep(OffsetCommit commit, GroupTime time)
    {
        var place = commit.Partition;
        if (FindTopic(place.TopicId) is not { } topic || place.Partition < 0 || place.Partition >= topic.PartitionCount)
            return new GroupRefusal(StreamErrorCode.UnknownTopicOrPartition, $"There is no partition {place.Partition} of {NameOf(place)}.");
        if (commit.Offset < 0)
        {
            if (_offsets.Find(place) is not null)
                Raise(new OffsetsRemoved(PartitionSet.Of([place])));
            return null;
        }

        if (CheckBounds([commit]) is { } refusal)
            return refusal;
        if (_offsets.Find(place) is { } before && (before.Offset, before.Metadata) == (commit.Offset, commit.Metadata))
            return null;
        if (HoldsOf(place) is { IsEmpty: false } holds && holds[^1].Offset >= commit.Offset)
            Replace(commit, time);
        else
            Raise(new OffsetsCommitted([Dated(commit, time)]));
        return null;
    }

    private void Create(GroupTime time)
    {
        if (!Exists)
            Raise(new GroupCreated(_random.NewId(), GroupEpoch: 0, LastMemberEpoch: 0, time.UnixMs));
    }

    private GroupRefusal? OtherKind() => ClassicMemberCount == 0 ? null : new GroupRefusal(
        StreamErrorCode.InconsistentGroupProtocol,
        $"The group has {ClassicMemberCount} members that assign partitions among themselves (Kafka's classic protocol). "
        + "They have to leave before others can join.");
}
