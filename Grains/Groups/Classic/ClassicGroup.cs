using OrleansStream.Errors;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups.Classic;

/// <summary>
/// The members of a group by Kafka's classic protocol. They join a generation, and its leader assigns the partitions. A silent member is removed. The
/// class does no I/O, reads no clock and is used by one thread at a time.
/// </summary>
/// <remarks>
/// <para>
/// A call that may wait has a number, its ticket. A later step answers it by a <see cref="ClassicDelivery"/>. No answer may be sent before the events
/// of its step are durable.
/// </para>
/// <para>
/// At every moment: The number of a generation is stored before any member is told it, and is never used again. So a generation has one assignment,
/// and only its members commit in it. A rebalance always ends, because a member that does not join in time is removed.
/// </para>
/// <para>
/// What is durable of it is one event, <see cref="ClassicChanged"/>, which replaces all that was stored before. Most steps only move calls that wait,
/// and these die with their coordinator: events for each step would be many, and would restore nothing more.
/// </para>
/// <para>
/// Sources: Kafka's protocol guide; KIP-134 (first generation), KIP-345 (static members), KIP-394 (join in two steps), KIP-814 (leaders that skip the
/// assignment).
/// </para>
/// </remarks>
internal sealed partial class ClassicGroup
{
    // The names of deadlines.
    private const string JoinEnd = "join";
    private const string FirstJoinLatest = "first-join";
    private const string SyncEnd = "sync";

    private readonly GroupState _group;
    private readonly MemberTable _members = new();
    private readonly HashSet<string> _pending = new(StringComparer.Ordinal);
    private readonly LeaseTable _sessions = new();
    private readonly LeaseTable _deadlines = new();
    private readonly WaitingCalls _waiting = new();
    private readonly List<GroupEvent> _events = [];
    private bool _isFirst;

    /// <summary>Takes over what is stored. Every member gets a full session.</summary>
    /// <param name="group">The group's state, which keeps what is durable.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public ClassicGroup(GroupState group, GroupTime time)
    {
        _group = group;
        _sessions.Observe(time.MonotonicMs);
        _deadlines.Observe(time.MonotonicMs);
        if (group.Classic is not { Members.IsEmpty: false } stored)
            return;
        Phase = stored.Phase;
        ProtocolType = stored.ProtocolType;
        Protocol = stored.Protocol;
        Leader = stored.Leader;
        foreach (var one in stored.Members)
        {
            _members.Add(LiveMember.Of(one, hasSynced: Phase == ClassicPhase.Stable));
            _sessions.Renew(one.Id, one.SessionMs, time.MonotonicMs);
        }

        if (Phase == ClassicPhase.PreparingRebalance)
            StartDeadline(JoinEnd, RebalanceMs, time);
        else if (Phase == ClassicPhase.CompletingRebalance)
            StartDeadline(SyncEnd, RebalanceMs, time);
        _group.ClassicMemberCount = _members.Count;
    }

    /// <summary>What the group is doing.</summary>
    public ClassicPhase Phase { get; private set; }

    /// <summary>The generation; 0 before the first.</summary>
    public int Generation => _group.Classic?.Number ?? 0;

    /// <summary>What kind of group it is; null when nobody has said.</summary>
    public string? ProtocolType { get; private set; }

    /// <summary>The assignor of the generation; null when there is none.</summary>
    public string? Protocol { get; private set; }

    /// <summary>The member that assigns; null when there is none.</summary>
    public string? Leader { get; private set; }

    /// <summary>The members, in the order in which they came.</summary>
    public IReadOnlyList<LiveMember> Members => _members.All;

    /// <summary>True while time has to pass for it: it has members, or somebody was given an id and may join.</summary>
    public bool IsActive => _members.Count > 0 || _pending.Count > 0;

    private int RebalanceMs => _members.Count == 0 ? 0 : _members.All.Max(member => member.RebalanceMs);

    /// <summary>What is left of a member's session, in milliseconds.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public long SessionLeftMs(string member, GroupTime time) => _sessions.LeftMs(member, time.MonotonicMs);

    /// <summary>
    /// Removes members that are silent, or that join or sync too late. Must be called about once a second, and at the time that <see cref="DueMs"/>
    /// returns.
    /// </summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    /// <returns>True when it still has members.</returns>
    public ClassicStep<bool> Tick(GroupTime time)
    {
        Pass(time);
        return End(_members.Count > 0);
    }

    /// <summary>How long until a generation is to begin or to end, in milliseconds; null when none is.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public long? DueMs(GroupTime time) => Phase switch
    {
        ClassicPhase.PreparingRebalance when _isFirst => Math.Min(
            _deadlines.LeftMs(JoinEnd, time.MonotonicMs), _deadlines.LeftMs(FirstJoinLatest, time.MonotonicMs)),
        ClassicPhase.PreparingRebalance => _deadlines.LeftMs(JoinEnd, time.MonotonicMs),
        _ => null,
    };

    /// <summary>
    /// Forgets a call that waits, because its caller has gone or will ask again. The member stays for as long as its session lasts.
    /// </summary>
    /// <param name="ticket">The call's number.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public void Abandon(long ticket, GroupTime time)
    {
        if (_waiting.Abandon(ticket) is { } member)
            Renew(member, time);
    }

    private void Pass(GroupTime time)
    {
        _sessions.Observe(time.MonotonicMs);
        _deadlines.Observe(time.MonotonicMs);
        var silent = new List<LiveMember>();
        foreach (var id in _sessions.Ended(time.MonotonicMs))
        {
            if (_pending.Remove(id))
                _sessions.Release(id);
            else if (_members.ById(id) is { IsWaiting: true } waiting)
                Renew(waiting, time);
            else
                silent.Add(_members.ById(id)!);
        }

        Remove(silent, time);
        foreach (var deadline in _deadlines.Ended(time.MonotonicMs))
            Expire(deadline, time);
        TryComplete(time);
    }

    private void Expire(string deadline, GroupTime time)
    {
        _deadlines.Release(deadline);
        if (deadline == SyncEnd)
            Remove([.. _members.All.Where(member => !member.HasSynced)], time);
        else if (Phase == ClassicPhase.PreparingRebalance)
            Complete(time);
    }

    private void StartDeadline(string name, int ms, GroupTime time) => _deadlines.Renew(name, ms, time.MonotonicMs);

    private void Renew(LiveMember member, GroupTime time) => _sessions.Renew(member.Id, member.SessionMs, time.MonotonicMs);

    /// <summary>Takes members out and begins a new generation for the others.</summary>
    private void Remove(List<LiveMember> gone, GroupTime time)
    {
        if (gone.Count == 0)
            return;
        foreach (var member in gone)
            Drop(member, MemberTable.Unknown(member.Id));
        if (Phase != ClassicPhase.PreparingRebalance)
            Prepare(time);
        // Stored, because a coordinator that restores the group would otherwise wait for members that are gone.
        Store(time);
        TryComplete(time);
    }

    private void Drop(LiveMember member, GroupRefusal refusal)
    {
        if (member.JoinTicket is { } join)
            _waiting.RefuseJoin(join, member.Id, refusal);
        if (member.SyncTicket is { } sync)
            _waiting.RefuseSync(sync, refusal);
        _members.Remove(member);
        _sessions.Release(member.Id);
        if (Leader == member.Id)
            Leader = null;
    }

    private void Store(GroupTime time) => Store(Generation, time);

    private void Store(int generation, GroupTime time) => _events.AddRange(_group.KeepClassic(
        new ClassicGeneration(generation, Phase, ProtocolType, Protocol, Leader, [.. _members.All.Select(member => member.ToStored())]), time));

    private ClassicStep<T> End<T>(T answer)
    {
        _group.ClassicMemberCount = _members.Count;
        var step = new ClassicStep<T>(answer, _waiting.TakeAnswers(), [.. _events]);
        _events.Clear();
        return step;
    }

    private GroupRefusal Rebalancing() => new(
        StreamErrorCode.RebalanceInProgress, $"Generation {Generation} is over: members join the next one.");
}
