using OrleansStream.Errors;
using OrleansStream.Randomness;

namespace OrleansStream.Groups.State;

/// <summary>A group begins with its first member, offset or policy. It ends when it is deleted, or when nothing of it is left.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
/// <param name="random">Where the group's incarnation comes from.</param>
internal sealed class GroupLifetime(GroupFacts facts, RaisedEvents events, RandomSource random)
{
    /// <inheritdoc cref="GroupState.ClassicMemberCount"/>
    public int ClassicMemberCount { get; set; }

    /// <summary>The count of members, by whichever protocol.</summary>
    public int MemberCount => facts.Members.Count + ClassicMemberCount;

    /// <summary>Creates the group when there is none.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Create(GroupTime time)
    {
        if (!facts.Exists)
            events.Raise(new GroupCreated(random.NewId(), GroupEpoch: 0, LastMemberEpoch: 0, time.UnixMs));
    }

    /// <summary>Whether the group exists and has no members, so that it may be deleted.</summary>
    /// <returns>Null if so; else why not.</returns>
    public GroupRefusal? CheckDelete() =>
        !facts.Exists ? new GroupRefusal(StreamErrorCode.GroupIdNotFound, "There is no such group.") : CheckEmpty();

    /// <summary>Deletes a group without members, and everything it stored.</summary>
    /// <returns>Null when done; else why not.</returns>
    public GroupRefusal? Delete()
    {
        if (CheckDelete() is { } refusal)
            return refusal;
        events.Raise(new GroupDeleted());
        return null;
    }

    /// <summary>Whether the group has no members. Members would not notice what a person changes.</summary>
    /// <returns>Null if so; else a refusal.</returns>
    public GroupRefusal? CheckEmpty() => MemberCount == 0 ? null : new GroupRefusal(
        StreamErrorCode.NonEmptyGroup, $"The group has {MemberCount} members. They must leave first, or their leases must end.");

    /// <summary>Whether the group has no members of the classic protocol, beside which no others may join.</summary>
    /// <returns>Null if so; else a refusal.</returns>
    public GroupRefusal? CheckKind() => ClassicMemberCount == 0 ? null : new GroupRefusal(
        StreamErrorCode.InconsistentGroupProtocol,
        $"The group has {ClassicMemberCount} members that assign partitions among themselves (Kafka's classic protocol). "
        + "They have to leave before others can join.");

    /// <summary>
    /// Forgets offsets that a group without members has kept for longer than the retention, and deletes the group when nothing is left.
    /// </summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Expire(GroupTime time)
    {
        if (!facts.Exists || MemberCount > 0 || time.UnixMs - facts.EmptySinceMs < GroupStateLimits.OffsetsRetentionMs)
            return;
        var expired = PartitionSet.Of(facts.Offsets
            .Where(offset => time.UnixMs - offset.AtMs >= GroupStateLimits.OffsetsRetentionMs)
            .Select(offset => offset.Place));
        // A person set the retry policy, so only a person removes it.
        if (expired.Count == facts.OffsetCount && facts.Retry is null)
            events.Raise(new GroupDeleted());
        else if (expired.Count > 0)
            events.Raise(new OffsetsRemoved(expired));
    }
}
