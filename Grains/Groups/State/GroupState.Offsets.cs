using System.Collections.Immutable;
using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Offsets are committed, set and expire.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// Commits offsets of partitions that a member has, all or none. An offset below the committed one changes nothing, unless it takes
    /// the place of one that lies beyond the end of the log. How long logs are is not known here: any offset is taken.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">What it was told last: its exact epoch; the incarnation may be empty when only that is known.</param>
    /// <param name="commits">The offsets.</param>
    /// <param name="time">Now.</param>
    public Handled<MemberAnswer> Commit(string member, MemberClaim claim, ImmutableArray<OffsetCommit> commits, GroupTime time)
    {
        EndLeases(time);
        Rebalance(time);
        if (FindMember(member) is not { } known)
            return End(Outside(NotAMember(member)));
        if (CheckProcess(known, claim.Incarnation == Guid.Empty ? claim with { Incarnation = Incarnation } : claim) is { } replaced)
            return End(Outside(replaced));
        var refusal = CheckEpoch(known, claim.Epoch) ?? RaiseCommits(member, commits, time, isWhole: true);
        return End(Inside(member, refusal, time));
    }

    /// <summary>Sets offsets, forward or back, all or none. Only while the group has no members: they would not notice.</summary>
    /// <param name="offsets">The offsets.</param>
    /// <param name="found">What their topics are.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> Reset(
        ImmutableArray<OffsetCommit> offsets, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        if (_members.Count > 0)
            return End<GroupRefusal?>(HasMembers());
        if (CheckBounds(offsets) is { } refusal)
            return End<GroupRefusal?>(refusal);
        if (!Exists)
            Raise(new GroupCreated(Guid.NewGuid(), GroupEpoch: 0, LastMemberEpoch: 0, time.UnixMs));
        var known = Topics.SetItems(found.Where(lookup => lookup.Topic is not null).Select(lookup => KeyValuePair.Create(
            lookup.Name, Learn(lookup.Topic!, Topics.GetValueOrDefault(lookup.Name), isAskedFor: false))));
        Raise(new TopicsChanged([.. known.Values], GroupEpoch + 1));
        Raise(new OffsetsReset([.. offsets.Select(offset => Dated(offset, time))]));
        return End<GroupRefusal?>(null);
    }

    /// <summary>Whether there is a group that may be deleted: one without members.</summary>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> MayDelete(GroupTime time)
    {
        EndLeases(time);
        return End(!Exists ? new GroupRefusal(StreamErrorCode.GroupIdNotFound, "There is no such group.") : _members.Count > 0 ? HasMembers() : null);
    }

    /// <summary>Deletes a group without members, and its offsets.</summary>
    /// <param name="time">Now.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> Delete(GroupTime time)
    {
        var may = MayDelete(time);
        if (may.Answer is not null)
            return may;
        Raise(new GroupDeleted());
        var deleted = End<GroupRefusal?>(null);
        return deleted with { Events = [.. may.Events, .. deleted.Events] };
    }

    /// <summary>Raises the commits of a member whose epoch is current.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="commits">The offsets.</param>
    /// <param name="time">Now.</param>
    /// <param name="isWhole">True to refuse all when one is not the member's, false to pass over that one.</param>
    private GroupRefusal? RaiseCommits(string member, ImmutableArray<OffsetCommit> commits, GroupTime time, bool isWhole)
    {
        var owned = ImmutableArray.CreateBuilder<OffsetCommit>(commits.Length);
        foreach (var commit in commits)
        {
            if (_owners.GetValueOrDefault(commit.Partition) == member && FindTopic(commit.Partition.TopicId) is not null)
                owned.Add(commit);
            else if (isWhole)
                return new GroupRefusal(StreamErrorCode.StaleMemberEpoch, $"Partition {commit.Partition.Partition} of {NameOf(commit.Partition)} is not the member's: nothing was committed.");
        }

        if (CheckBounds(owned.ToImmutable()) is { } refusal)
            return refusal;
        ImmutableArray<CommittedOffset> moved = [.. owned.Where(IsForward).Select(commit => Dated(commit, time))];
        if (moved.Length > 0)
            Raise(new OffsetsCommitted(moved));
        foreach (var commit in owned.Where(IsReplacement))
            Replace(commit, time);
        return null;
    }

    private bool IsForward(OffsetCommit commit) => commit.InPlaceOf is null && (
        _offsets.Find(commit.Partition) is not { } known || commit.Offset > known.Offset
        || (commit.Offset == known.Offset && commit.Metadata.Length > 0 && commit.Metadata != known.Metadata));

    private bool IsReplacement(OffsetCommit commit) =>
        commit.InPlaceOf is { } beyond && commit.Offset < beyond && _offsets.Find(commit.Partition)?.Offset == beyond;

    /// <summary>Goes back from an offset that does not exist. What waits in place below the new one still does; the rest is read again.</summary>
    private void Replace(OffsetCommit commit, GroupTime time)
    {
        ImmutableArray<HeldRecord> held = [.. HoldsOf(commit.Partition).Where(held => held.Offset < commit.Offset)];
        Raise(new OffsetsReset([Dated(commit, time)]));
        if (held.Length > 0)
            Raise(new HoldsChanged(commit.Partition, held));
    }

    private GroupRefusal? CheckBounds(ImmutableArray<OffsetCommit> commits)
    {
        var metadataBytes = _offsets.MetadataBytes;
        var count = _offsets.Count;
        foreach (var commit in commits)
        {
            var length = Encoding.UTF8.GetByteCount(commit.Metadata);
            if (length > GroupStateLimits.MetadataBytesMax)
                return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge, $"The metadata has {length} bytes; at most {GroupStateLimits.MetadataBytesMax} are kept with an offset.");
            if (commit.Offset < 0)
                return new GroupRefusal(StreamErrorCode.InvalidRequest, $"An offset is never below 0; this one is {commit.Offset}.");
            var known = _offsets.Find(commit.Partition);
            count += known is null ? 1 : 0;
            metadataBytes += length - (known is null ? 0 : Encoding.UTF8.GetByteCount(known.Metadata));
        }

        if (metadataBytes > GroupStateLimits.MetadataBytesTotalMax && metadataBytes > _offsets.MetadataBytes)
            return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge, $"A group keeps at most {GroupStateLimits.MetadataBytesTotalMax} bytes of metadata in all.");
        return count > GroupStateLimits.OffsetsMax && count > _offsets.Count
            ? new GroupRefusal(StreamErrorCode.PolicyViolation, $"A group keeps at most {GroupStateLimits.OffsetsMax} offsets.")
            : null;
    }

    /// <summary>Forgets what a group without members kept for longer than the retention; it is gone when nothing is left.</summary>
    private void Expire(GroupTime time)
    {
        if (!Exists || _members.Count > 0 || time.UnixMs - _emptySinceMs < GroupStateLimits.OffsetsRetentionMs)
            return;
        var expired = PartitionSet.Of(_offsets.All
            .Where(offset => time.UnixMs - offset.AtMs >= GroupStateLimits.OffsetsRetentionMs)
            .Select(offset => offset.Place));
        // Rules were set by a person, who alone takes them away.
        if (expired.Count == _offsets.Count && Retry is null)
            Raise(new GroupDeleted());
        else if (expired.Count > 0)
            Raise(new OffsetsRemoved(expired));
    }

    private GroupRefusal HasMembers() => new(
        StreamErrorCode.NonEmptyGroup, $"Members hold leases: {_members.Count}. They have to leave first, or their leases to end.");

    private string NameOf(TopicPartition partition) => FindTopic(partition.TopicId) is { } topic ? $"topic '{topic.Name}'" : "a deleted topic";

    private static CommittedOffset Dated(OffsetCommit commit, GroupTime time) =>
        new(commit.Partition.TopicId, commit.Partition.Partition, commit.Offset, commit.Metadata, time.UnixMs);
}
