using System.Collections.Immutable;
using OrleansStream.Randomness;

namespace OrleansStream.Groups.State;

/// <summary>
/// The state of a consumer group: its members and their leases, their subscriptions, the target and the current owner of each partition, and the
/// committed offsets. It handles commands, and returns answers and events. Only <see cref="Apply"/> changes the stored part, live and when the state
/// is read back. It does no I/O, reads no clock and is used by one thread at a time.
/// </summary>
/// <remarks>
/// The design follows KIP-848. At every moment: A partition has at most one owner. It changes owner only after the old owner polled (which confirms
/// that it is done with the records it got) or left, or its lease ended. An offset moves only under its owner's exact epoch, and moves back only by a
/// reset, or from beyond the end of the log.
/// </remarks>
/// <param name="random">Where the group's incarnation comes from; null for <see cref="RandomSource.System"/>.</param>
internal sealed partial class GroupState(RandomSource? random = null)
{
    private readonly RandomSource _random = random ?? RandomSource.System;
    private readonly SortedDictionary<string, GroupMember> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<TopicPartition, string> _owners = [];
    private readonly OffsetTable _offsets = new();
    private readonly LeaseTable _leases = new();
    private readonly List<GroupEvent> _raised = [];
    private Dictionary<Guid, GroupTopic> _topicsById = [];
    private long _lastMemberEpoch;
    private long _targetEpoch;
    private long _emptySinceMs;
    private PendingAssignment? _pending;

    /// <summary>True when a member has joined or offsets were set, and the group was not deleted since.</summary>
    public bool Exists => Incarnation != Guid.Empty;

    /// <summary>A random id. A group that is deleted and created again gets another one.</summary>
    public Guid Incarnation { get; private set; }

    /// <summary>Grows with every change that needs a new assignment.</summary>
    public long GroupEpoch { get; private set; }

    /// <summary>The members in ordinal order of their ids.</summary>
    public IReadOnlyCollection<GroupMember> Members => _members.Values;

    /// <summary>The topics of the group's subscriptions and offsets, by name.</summary>
    public ImmutableSortedDictionary<string, GroupTopic> Topics { get; private set; } = NoTopics;

    /// <summary>The committed offsets.</summary>
    public IEnumerable<CommittedOffset> Offsets => _offsets.All;

    /// <summary>The phase of the group.</summary>
    public GroupPhase Phase =>
        _members.Count == 0 ? GroupPhase.Empty
        : GroupEpoch > _targetEpoch ? GroupPhase.Assigning
        : _members.Values.Any(member => !member.Assigned.Equals(member.Target)) ? GroupPhase.Reconciling
        : GroupPhase.Stable;

    /// <summary>The name of the assignor that most members ask for.</summary>
    public string AssignorName => ChooseAssignor().Name;

    private static ImmutableSortedDictionary<string, GroupTopic> NoTopics { get; } =
        ImmutableSortedDictionary.Create<string, GroupTopic>(StringComparer.Ordinal);

    /// <summary>Restores a state from stored events. Every member gets a full lease.</summary>
    /// <param name="events">The result of <see cref="ToEvents"/>, or all events of the group's life.</param>
    /// <param name="time">Now.</param>
    /// <param name="random">Where the group's next incarnation comes from; null for <see cref="RandomSource.System"/>.</param>
    public static GroupState Restore(IEnumerable<GroupEvent> events, GroupTime time, RandomSource? random = null)
    {
        var state = new GroupState(random);
        foreach (var change in events)
            state.Apply(change);
        state._leases.Observe(time.MonotonicMs);
        state._revocations.Observe(time.MonotonicMs);
        foreach (var member in state._members.Values)
        {
            state._leases.Renew(member.Id, member.LeaseMs, time.MonotonicMs);
            state.KeepRevocation(member, isNew: true, time);
        }

        state.ScheduleRebalance(time);
        return state;
    }

    /// <summary>The fewest events that make this state.</summary>
    public ImmutableArray<GroupEvent> ToEvents()
    {
        if (!Exists)
            return [];
        var events = ImmutableArray.CreateBuilder<GroupEvent>();
        events.Add(new GroupCreated(Incarnation, GroupEpoch, _lastMemberEpoch, _emptySinceMs));
        events.Add(new TopicsChanged([.. Topics.Values], GroupEpoch));
        if (Retry is not null)
            events.Add(new RetryChanged(Retry, GroupEpoch));
        if (Redrive is not null)
            events.Add(new RedriveChanged(Redrive));
        foreach (var m in _members.Values)
            events.Add(new MemberJoined(m.Id, m.Epoch, m.Since, m.Topics, m.LeaseMs, m.Assignor, GroupEpoch) { Consumer = m.Consumer });
        events.Add(new TargetAssigned(_targetEpoch, [.. _members.Values
            .Where(member => member.Target.Count > 0).Select(member => new MemberTarget(member.Id, member.Target))]));
        foreach (var m in _members.Values.Where(member => member.Assigned.Count > 0))
            events.Add(new AssignmentChanged(m.Id, m.Epoch, m.Assigned) { Revoking = m.Revoking.Count == 0 ? null : m.Revoking });
        if (_offsets.Count > 0)
            events.Add(new OffsetsReset([.. _offsets.All]));
        if (Classic is not null)
            events.Add(new ClassicChanged(Classic, _emptySinceMs));
        events.AddRange(_holds.Select(holds => new HoldsChanged(holds.Key, holds.Value)));
        return events.ToImmutable();
    }

    /// <summary>A member by its id, or null.</summary>
    /// <param name="member">Its id.</param>
    public GroupMember? FindMember(string member) => _members.GetValueOrDefault(member);

    /// <summary>The rest of a member's lease, in milliseconds.</summary>
    /// <param name="member">Its id.</param>
    /// <param name="time">Now.</param>
    public long LeaseLeftMs(string member, GroupTime time) => _leases.LeftMs(member, time.MonotonicMs);

    /// <summary>The committed offset of a partition, or null.</summary>
    /// <param name="partition">The partition.</param>
    public CommittedOffset? FindOffset(TopicPartition partition) => _offsets.Find(partition);

    /// <summary>A topic by its id, or null when the group neither reads it nor has an offset of it.</summary>
    /// <param name="id">The topic's id.</param>
    public GroupTopic? FindTopic(Guid id) => _topicsById.GetValueOrDefault(id);

    /// <summary>The names of the topics whose partitions the group must know.</summary>
    public ImmutableSortedSet<string> TopicNames =>
        [.. _members.Values.SelectMany(ReadBy).Concat(Topics.Keys)];

    /// <summary>The names that members subscribe to and that no topic has.</summary>
    public ImmutableSortedSet<string> UnknownTopics => UnknownOf(_members.Values);

    /// <summary>The names that a member subscribes to and that no topic has.</summary>
    /// <param name="member">The member's id.</param>
    public ImmutableSortedSet<string> UnknownTopicsOf(string member) => FindMember(member) is { } known ? UnknownOf([known]) : [];

    private ImmutableSortedSet<string> UnknownOf(IEnumerable<GroupMember> members) =>
        members.SelectMany(member => member.Topics).Where(topic => !Topics.ContainsKey(topic)).ToImmutableSortedSet(StringComparer.Ordinal);

    private void Raise(GroupEvent change)
    {
        Apply(change);
        _raised.Add(change);
    }

    private Handled<T> End<T>(T answer)
    {
        ImmutableArray<GroupEvent> events = [.. _raised];
        _raised.Clear();
        return new Handled<T>(answer, events);
    }
}
