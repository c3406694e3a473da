using System.Collections.Immutable;
using OrleansStream.Randomness;

namespace OrleansStream.Groups.State;

/// <summary>
/// A consumer group. It handles commands, and returns answers and events; the rules are with the types that it consists of. It does no I/O, reads no
/// clock and is used by one thread at a time.
/// </summary>
/// <remarks>
/// The design follows KIP-848. At every moment: A partition has at most one owner. It changes owner only after the old owner polled (which confirms
/// that it is done with the records it got) or left, or its lease ended. An offset moves only under its owner's exact epoch, and moves back only by a
/// reset, or from beyond the end of the log.
/// </remarks>
internal sealed partial class GroupState
{
    private readonly GroupFacts _facts = new();
    private readonly RaisedEvents _events;
    private readonly GroupLifetime _lifetime;
    private readonly GroupMembership _members;
    private readonly GroupSubscriptions _subscriptions;
    private readonly GroupAssignment _assignment;
    private readonly GroupOffsets _offsets;
    private readonly PollingMembers _polling;
    private readonly HeartbeatingMembers _heartbeating;
    private readonly GroupRedrives _redrives;

    /// <summary>Makes a group that does not exist yet.</summary>
    /// <param name="random">Where the group's incarnation comes from; null for <see cref="RandomSource.System"/>.</param>
    public GroupState(RandomSource? random = null)
    {
        _events = new RaisedEvents(_facts);
        _lifetime = new GroupLifetime(_facts, _events, random ?? RandomSource.System);
        _members = new GroupMembership(_facts, _events, _lifetime);
        _subscriptions = new GroupSubscriptions(_facts, _events);
        _assignment = new GroupAssignment(_facts, _events, _subscriptions);
        _offsets = new GroupOffsets(_facts, _events, _lifetime, _subscriptions);
        _polling = new PollingMembers(_facts, _events, _lifetime, _members, _subscriptions, _assignment, _offsets);
        _heartbeating = new HeartbeatingMembers(_facts, _events, _lifetime, _members, _subscriptions, _assignment);
        _redrives = new GroupRedrives(_facts, _events);
    }

    /// <summary>Restores a state from stored events. Every member gets a full lease.</summary>
    /// <param name="events">The result of <see cref="ToEvents"/>, or all events of the group's life.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <param name="random">Where the group's next incarnation comes from; null for <see cref="RandomSource.System"/>.</param>
    public static GroupState Restore(IEnumerable<GroupEvent> events, GroupTime time, RandomSource? random = null)
    {
        var state = new GroupState(random);
        foreach (var change in events)
            state._facts.Apply(change);
        state._members.Restore(time);
        state._assignment.Schedule(time);
        return state;
    }

    /// <summary>The fewest events that make this state.</summary>
    public ImmutableArray<GroupEvent> ToEvents() => _facts.ToEvents();

    /// <summary>
    /// Joins or renews a member, commits its offsets, and then lets it give up and take on partitions. A poll without a claim comes from a process
    /// that has just started. The new process keeps the member's partitions, and the process that polled under the id before is fenced. So of two
    /// processes with one id the one that started last goes on.
    /// </summary>
    /// <param name="command">The poll.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>
    /// The state of the member. On a refusal nothing was committed. The caller is then still a member, with the epoch and partitions of the answer,
    /// unless another process has taken its place or the poll may not join.
    /// </returns>
    public Handled<MemberAnswer> Poll(PollCommand command, GroupTime time) => Begin(time).End(_polling.Poll(command, time));

    /// <summary>Renews a member's lease while its poll waits.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">What the group told the member last.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public Handled<MemberAnswer> Renew(string member, MemberClaim claim, GroupTime time) => Begin(time).End(_polling.Renew(member, claim, time));

    /// <summary>
    /// Commits offsets of a member's partitions, all or none. An offset below the committed one changes nothing, unless it replaces an offset that
    /// lies beyond the end of the log. The group does not know how long logs are, so it takes any offset.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">
    /// What the group told the member last, with its exact epoch. The incarnation is empty if only the epoch is known, and not the cursor of an
    /// answer. Where records wait in place, offsets that go forward are refused then.
    /// </param>
    /// <param name="commits">The offsets.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public Handled<MemberAnswer> Commit(string member, MemberClaim claim, ImmutableArray<OffsetCommit> commits, GroupTime time) =>
        Begin(time).End(_polling.Commit(member, claim, commits, time));

    /// <summary>Removes a member at once. Its partitions are free.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="epoch">Its epoch, so that a replaced process cannot remove its successor; null for any epoch.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Leave(string member, long? epoch, GroupTime time) => Begin(time).End(_polling.Leave(member, epoch, time));

    /// <summary>
    /// Takes a heartbeat of a member that says what it has: joins or renews, takes note of what the member let go of, and gives it what it can have.
    /// </summary>
    /// <param name="command">The heartbeat.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>
    /// Where the member stands. <see cref="Errors.StreamErrorCode.UnknownMemberId"/>, <see cref="Errors.StreamErrorCode.FencedMemberEpoch"/>: it has
    /// nothing any more, and joins again.
    /// </returns>
    public Handled<HeartbeatAnswer> Heartbeat(HeartbeatCommand command, GroupTime time) => Begin(time).End(_heartbeating.Heartbeat(command, time));

    /// <summary>
    /// Whether a member that says what it has may commit. Any epoch of its process will do: what it believes to have, nobody else has.
    /// </summary>
    /// <param name="member">The member's id.</param>
    /// <param name="epoch">What it was told last, or before.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null, or why not.</returns>
    public Handled<GroupRefusal?> CheckConsumerCommit(string member, int epoch, GroupTime time) =>
        Begin(time).End(_heartbeating.CheckCommit(member, epoch));

    /// <summary>
    /// Keeps offsets as they are given, forward or back, for whoever may commit them: the caller has seen to that. An offset below 0 means that
    /// none is committed any more. Each is kept or refused by itself.
    /// </summary>
    /// <param name="commits">The offsets.</param>
    /// <param name="found">What their topics are, for those the group does not know.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Per offset null, or why it was not kept.</returns>
    public Handled<ImmutableArray<GroupRefusal?>> Keep(ImmutableArray<OffsetCommit> commits, ImmutableArray<TopicLookup> found, GroupTime time) =>
        Begin(time).End(_offsets.Keep(commits, found, time));

    /// <summary>Forgets offsets.</summary>
    /// <param name="partitions">The partitions whose offsets are forgotten.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when there was one.</returns>
    public Handled<bool> Forget(PartitionSet partitions, GroupTime time) => Begin(time).End(_offsets.Forget(partitions));

    /// <summary>Sets offsets, forward or back, all or none. The group must have no members, because members would not notice.</summary>
    /// <param name="offsets">The offsets.</param>
    /// <param name="found">The lookups of their topics.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Reset(ImmutableArray<OffsetCommit> offsets, ImmutableArray<TopicLookup> found, GroupTime time) =>
        Begin(time).End(_offsets.Reset(offsets, found, time));

    /// <summary>Whether the group exists and has no members, so that it may be deleted.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null if so; else why not.</returns>
    public Handled<GroupRefusal?> MayDelete(GroupTime time) => Begin(time).End(_lifetime.CheckDelete());

    /// <summary>Deletes a group without members, and its offsets.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> Delete(GroupTime time) => Begin(time).End(_lifetime.Delete());

    /// <summary>Lets time pass: leases end, assignments are made, offsets expire. Call it about every second.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when the group still has members.</returns>
    public Handled<bool> Tick(GroupTime time)
    {
        Begin(time);
        _assignment.Rebalance(time);
        _lifetime.Expire(time);
        return _events.End(Members.Count > 0);
    }

    /// <summary>Learns of topics that were created, deleted, created again, or grown.</summary>
    /// <param name="found">The results of looking up topics by name.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when the group learned anything new.</returns>
    public Handled<bool> UpdateTopics(ImmutableArray<TopicLookup> found, GroupTime time)
    {
        Begin(time);
        var isNew = Exists && _subscriptions.Learn(found, _subscriptions.ReadBefore(found));
        _assignment.Rebalance(time);
        return _events.End(isNew);
    }

    /// <summary>Sets the retry policy for records that fail from now on. Creates the group when it does not exist.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> SetRetry(RetryPolicy policy, GroupTime time)
    {
        Begin(time);
        if (GroupSubscriptions.CheckNames(policy, Members.SelectMany(member => member.Topics)) is { } refusal)
            return _events.End<GroupRefusal?>(refusal);
        _lifetime.Create(time);
        if (policy != Retry)
            _events.Raise(new RetryChanged(policy, GroupEpoch + 1));
        _assignment.Rebalance(time);
        return _events.End<GroupRefusal?>(null);
    }

    /// <summary>Begins to send dead letters back to their topics. Only one redrive runs at a time.</summary>
    /// <param name="wish">Which dead letters.</param>
    /// <param name="topics">The topics of dead letters, each with the bounds of its log.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>Null when done; else why not.</returns>
    public Handled<GroupRefusal?> BeginRedrive(RedriveWish wish, ImmutableArray<RedriveTopic> topics, GroupTime time) =>
        Begin(time).End(_redrives.Begin(wish, topics, time));

    /// <summary>Records the progress of a redrive. Recording it twice changes nothing. Copies that a stopped redrive still made count too.</summary>
    /// <param name="asked">The stretch of dead letters that the step began with, as in <see cref="Redrive.Topics"/>.</param>
    /// <param name="progress">What the step did.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when there are more dead letters to take.</returns>
    public Handled<bool> AdvanceRedrive(RedriveTopic asked, RedriveProgress progress, GroupTime time) =>
        Begin(time).End(_redrives.Advance(asked, progress, time));

    /// <summary>Stops a redrive. The next redrive begins with the dead letters that this one has not looked at.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when one was under way.</returns>
    public Handled<bool> StopRedrive(GroupTime time) => Begin(time).End(_redrives.Stop(time));

    /// <summary>Keeps a generation of the classic protocol in place of the one before; makes the group when there is none.</summary>
    /// <param name="generation">The generation.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>What changed.</returns>
    public ImmutableArray<GroupEvent> KeepClassic(ClassicGeneration generation, GroupTime time)
    {
        _lifetime.Create(time);
        _events.Raise(new ClassicChanged(generation, time.UnixMs));
        return _events.End(true).Events;
    }

    /// <summary>Begins a step: every command finds only members whose leases last.</summary>
    /// <returns>Where the step's events are, which the command's answer ends.</returns>
    private RaisedEvents Begin(GroupTime time)
    {
        _members.EndLeases(time);
        _assignment.Schedule(time);
        return _events;
    }
}
