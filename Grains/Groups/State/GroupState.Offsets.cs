using System.Collections.Immutable;
using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Commits, resets and expires offsets.</summary>
internal sealed partial class GroupState
{
    /// <summary>
    /// Commits offsets of a member's partitions, all or none. An offset below the committed one changes nothing, unless it replaces an offset that
    /// lies beyond the end of the log. The group does not know how long logs are, so it takes any offset.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">
    /// What the group told the member last, with its exact epoch. The incarnation may be empty if only the epoch is known.
    /// </param>
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

    /// <summary>Sets offsets, forward or back, all or none. The group must have no members, because members would not notice.</summary>
    /// <param name="offsets">The offsets.</param>
    /// <param name="found">The lookups of their topics.</param>
    /// <param name="time">Now.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Reset(
        ImmutableArray<OffsetCommit> offsets, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        EndLeases(time);
        if (HasMembers)
            return End<GroupRefusal?>(NotEmpty());
        if (CheckBounds(offsets) is { } refusal)
            return End<GroupRefusal?>(refusal);
        Create(time);
        var known = Topics.SetItems(found.Where(lookup => lookup.Topic is not null).Select(lookup => KeyValuePair.Create(
            lookup.Name, Learn(lookup.Topic!, Topics.GetValueOrDefault(lookup.Name), isAskedFor: false))));
        Raise(new TopicsChanged([.. known.Values], GroupEpoch + 1));
        Raise(new OffsetsReset([.. offsets.Select(offset => Dated(offset, time))]));
        return End<GroupRefusal?>(null);
    }

    /// <summary>Whether the group exists and has no members, so that it may be deleted.</summary>
    /// <param name="time">Now.</param>
    /// <returns>Null if so; else why not.</returns>
    public Handled<GroupRefusal?> MayDelete(GroupTime time)
    {
        EndLeases(time);
        return End(!Exists ? new GroupRefusal(StreamErrorCode.GroupIdNotFound, "There is no such group.") : HasMembers ? NotEmpty() : null);
    }

    /// <summary>Deletes a group without members, and its offsets.</summary>
    /// <param name="time">Now.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Delete(GroupTime time)
    {
        var may = MayDelete(time);
        if (may.Answer is not null)
            return may;
        Raise(new GroupDeleted());
        var deleted = End<GroupRefusal?>(null);
        return deleted with { Events = [.. may.Events, .. deleted.Events] };
    }

    /// <summary>Commits the offsets of a member whose epoch is current.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="commits">The offsets.</param>
    /// <param name="time">Now.</param>
    /// <param name="isWhole">True to refuse all offsets when one partition is not the member's; false to skip only that one.</param>
    private GroupRefusal? RaiseCommits(string member, ImmutableArray<OffsetCommit> commits, GroupTime time, bool isWhole)
    {
        var owned = ImmutableArray.CreateBuilder<OffsetCommit>(commits.Length);
        foreach (var commit in commits)
        {
            if (_owners.GetValueOrDefault(commit.Partition) == member && FindTopic(commit.Partition.TopicId) is not null)
                owned.Add(commit);
            else if (isWhole)
                return new GroupRefusal(StreamErrorCode.StaleMemberEpoch, $"Partition {commit.Partition.Partition} of {NameOf(commit.Partition)} is not the member's, so nothing was committed.");
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

    /// <summary>
    /// Moves back from an offset beyond the end of the log. Records that wait in place below the new offset stay held; the others are read again.
    /// </summary>
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
            {
                return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge,
                    $"The metadata has {length} bytes; at most {GroupStateLimits.MetadataBytesMax} are kept with an offset.");
            }

            if (commit.Offset < 0)
                return new GroupRefusal(StreamErrorCode.InvalidRequest, $"An offset is at least 0; this one is {commit.Offset}.");
            var known = _offsets.Find(commit.Partition);
            count += known is null ? 1 : 0;
            metadataBytes += length - (known is null ? 0 : Encoding.UTF8.GetByteCount(known.Metadata));
        }

        if (metadataBytes > GroupStateLimits.MetadataBytesTotalMax && metadataBytes > _offsets.MetadataBytes)
        {
            return new GroupRefusal(StreamErrorCode.OffsetMetadataTooLarge,
                $"A group keeps at most {GroupStateLimits.MetadataBytesTotalMax} bytes of metadata in all.");
        }

        return count > GroupStateLimits.OffsetsMax && count > _offsets.Count
            ? new GroupRefusal(StreamErrorCode.PolicyViolation, $"A group keeps at most {GroupStateLimits.OffsetsMax} offsets.")
            : null;
    }

    /// <summary>
    /// Forgets offsets that a group without members has kept for longer than the retention, and deletes the group when nothing is left.
    /// </summary>
    private void Expire(GroupTime time)
    {
        if (!Exists || HasMembers || time.UnixMs - _emptySinceMs < GroupStateLimits.OffsetsRetentionMs)
            return;
        var expired = PartitionSet.Of(_offsets.All
            .Where(offset => time.UnixMs - offset.AtMs >= GroupStateLimits.OffsetsRetentionMs)
            .Select(offset => offset.Place));
        // A person set the retry policy, so only a person removes it.
        if (expired.Count == _offsets.Count && Retry is null)
            Raise(new GroupDeleted());
        else if (expired.Count > 0)
            Raise(new OffsetsRemoved(expired));
    }

    private GroupRefusal NotEmpty() => new(
        StreamErrorCode.NonEmptyGroup, $"The group has {MemberCount} members. They must leave first, or their leases must end.");

    private string NameOf(TopicPartition partition) => FindTopic(partition.TopicId) is { } topic ? $"topic '{topic.Name}'" : "a deleted topic";

    private static CommittedOffset Dated(OffsetCommit commit, GroupTime time) =>
        new(commit.Partition.TopicId, commit.Partition.Partition, commit.Offset, commit.Metadata, time.UnixMs);
}
