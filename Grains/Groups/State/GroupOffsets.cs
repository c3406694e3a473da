using System.Collections.Immutable;
using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Commits, keeps, resets and forgets offsets.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="lifetime">Begins the group with its first offset.</param>
/// <param name="subscriptions">What the group knows of topics.</param>
internal sealed class GroupOffsets(GroupFacts facts, RaisedEvents events, GroupLifetime lifetime, GroupSubscriptions subscriptions)
{
    /// <summary>Commits the offsets of a member whose epoch is current. An offset of a partition that is not the member's is skipped.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="commits">The offsets.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null, or why nothing was committed.</returns>
    public GroupRefusal? CommitOwned(string member, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        ImmutableArray<OffsetCommit> owned = [.. commits.Where(commit => IsOwner(member, commit.Partition))];
        if (CheckBounds(owned) is { } refusal)
            return refusal;
        ImmutableArray<CommittedOffset> moved = [.. owned.Where(IsForward).Select(commit => Dated(commit, time))];
        if (moved.Length > 0)
            events.Raise(new OffsetsCommitted(moved));
        foreach (var commit in owned.Where(IsReplacement))
            Replace(commit, time);
        return null;
    }

    /// <summary>Commits the offsets of a member whose epoch is current, all or none.</summary>
    /// <inheritdoc cref="CommitOwned"/>
    public GroupRefusal? CommitAll(string member, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        var others = commits.Where(commit => !IsOwner(member, commit.Partition)).Select(commit => commit.Partition).ToArray();
        return others.Length == 0 ? CommitOwned(member, commits, time) : new GroupRefusal(
            StreamErrorCode.StaleMemberEpoch,
            $"Partition {others[0].Partition} of {facts.NameOf(others[0])} is not the member's, so nothing was committed.");
    }

    /// <summary>
    /// Whether offsets that come without an answer's cursor may be committed. Where records wait in place, the answer may have passed over others,
    /// which only its cursor names: with the offsets alone nobody would ever read those. What waits now says nothing of that, since the record for
    /// which they were passed over may be done. So such a group's policy decides, and after it is gone what still waits.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="commits">The offsets.</param>
    /// <returns>Null if so; else why not.</returns>
    public GroupRefusal? CheckNothingWaits(string member, ImmutableArray<OffsetCommit> commits)
    {
        var passing = commits.FirstOrDefault(commit => IsOwner(member, commit.Partition)
            && (facts.Retry is { InPlace: true } || !facts.HoldsOf(commit.Partition).IsEmpty)
            && commit.Offset > (facts.FindOffset(commit.Partition)?.Offset ?? 0));
        return passing == default ? null : new GroupRefusal(
            StreamErrorCode.RecordsWaitInPlace,
            $"Records that fail wait in place in this group, and an offset of partition {passing.Partition.Partition} of "
            + $"{facts.NameOf(passing.Partition)} alone does not say which other records were passed over for them. So nothing was committed.");
    }

    /// <inheritdoc cref="GroupState.Keep"/>
    public ImmutableArray<GroupRefusal?> Keep(ImmutableArray<OffsetCommit> commits, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        var known = subscriptions.TopicsWith(found);
        if (commits.Any(commit => commit.Offset >= 0 && known.Values.Any(topic => topic.Id == commit.Partition.TopicId)))
            lifetime.Create(time);
        if (facts.Exists && known != facts.Topics)
            events.Raise(new TopicsChanged([.. known.Values], facts.GroupEpoch));
        return [.. commits.Select(commit => Keep(commit, time))];
    }

    /// <inheritdoc cref="GroupState.Forget"/>
    public bool Forget(PartitionSet partitions)
    {
        var known = PartitionSet.Of(partitions.Where(partition => facts.FindOffset(partition) is not null));
        if (known.Count > 0)
            events.Raise(new OffsetsRemoved(known));
        return known.Count > 0;
    }

    /// <inheritdoc cref="GroupState.Reset"/>
    public GroupRefusal? Reset(ImmutableArray<OffsetCommit> offsets, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        if ((lifetime.CheckEmpty() ?? CheckBounds(offsets)) is { } refusal)
            return refusal;
        lifetime.Create(time);
        events.Raise(new TopicsChanged([.. subscriptions.TopicsWith(found).Values], facts.GroupEpoch + 1));
        events.Raise(new OffsetsReset([.. offsets.Select(offset => Dated(offset, time))]));
        return null;
    }

    /// <summary>Whether offsets are such as the group may keep, and not too many.</summary>
    /// <param name="commits">The offsets.</param>
    /// <returns>Null if so; else why not.</returns>
    public GroupRefusal? CheckBounds(ImmutableArray<OffsetCommit> commits)
    {
        var metadataBytes = facts.OffsetMetadataBytes;
        var count = facts.OffsetCount;
        foreach (var commit in commits)
        {
            var length = Encoding.UTF8.GetByteCount(commit.Metadata);
            if (length > GroupStateLimits.MetadataBytesMax)
            {
                return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge,
                    $"The metadata has {length} bytes; at most {GroupStateLimits.MetadataBytesMax} are kept with an offset.");
            }

            if (commit.Offset < 0)
                return new GroupRefusal(StreamErrorCode.InvalidRequest, $"An offset is at least 0; this one is {commit.Offset}.");
            var known = facts.FindOffset(commit.Partition);
            count += known is null ? 1 : 0;
            metadataBytes += length - (known is null ? 0 : Encoding.UTF8.GetByteCount(known.Metadata));
        }

        if (metadataBytes > GroupStateLimits.MetadataBytesTotalMax && metadataBytes > facts.OffsetMetadataBytes)
        {
            return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge,
                $"A group keeps at most {GroupStateLimits.MetadataBytesTotalMax} bytes of metadata in all.");
        }

        return count > GroupStateLimits.OffsetsMax && count > facts.OffsetCount
            ? new GroupRefusal(StreamErrorCode.PolicyViolation, $"A group keeps at most {GroupStateLimits.OffsetsMax} offsets.")
            : null;
    }

    private GroupRefusal? Keep(OffsetCommit commit, GroupTime time)
    {
        var place = commit.Partition;
        if (facts.FindTopic(place.TopicId) is not { } topic || place.Partition < 0 || place.Partition >= topic.PartitionCount)
        {
            return new GroupRefusal(
                StreamErrorCode.UnknownTopicOrPartition, $"There is no partition {place.Partition} of {facts.NameOf(place)}.");
        }

        if (commit.Offset < 0)
        {
            if (facts.FindOffset(place) is not null)
                events.Raise(new OffsetsRemoved(PartitionSet.Of([place])));
            return null;
        }

        if (CheckBounds([commit]) is { } refusal)
            return refusal;
        if (facts.FindOffset(place) is { } before && (before.Offset, before.Metadata) == (commit.Offset, commit.Metadata))
            return null;
        if (facts.HoldsOf(place) is { IsEmpty: false } holds && holds[^1].Offset >= commit.Offset)
            Replace(commit, time);
        else
            events.Raise(new OffsetsCommitted([Dated(commit, time)]));
        return null;
    }

    private bool IsOwner(string member, TopicPartition partition) =>
        facts.OwnerOf(partition) == member && facts.FindTopic(partition.TopicId) is not null;

    private bool IsForward(OffsetCommit commit) => commit.InPlaceOf is null && (
        facts.FindOffset(commit.Partition) is not { } known || commit.Offset > known.Offset
        || (commit.Offset == known.Offset && commit.Metadata.Length > 0 && commit.Metadata != known.Metadata));

    private bool IsReplacement(OffsetCommit commit) =>
        commit.InPlaceOf is { } beyond && commit.Offset < beyond && facts.FindOffset(commit.Partition)?.Offset == beyond;

    /// <summary>
    /// Moves back from an offset beyond the end of the log. Records that wait in place below the new offset stay held; the others are read again.
    /// </summary>
    private void Replace(OffsetCommit commit, GroupTime time)
    {
        ImmutableArray<HeldRecord> held = [.. facts.HoldsOf(commit.Partition).Where(held => held.Offset < commit.Offset)];
        events.Raise(new OffsetsReset([Dated(commit, time)]));
        if (held.Length > 0)
            events.Raise(new HoldsChanged(commit.Partition, held));
    }

    private static CommittedOffset Dated(OffsetCommit commit, GroupTime time) =>
        new(commit.Partition.TopicId, commit.Partition.Partition, commit.Offset, commit.Metadata, time.UnixMs);
}
