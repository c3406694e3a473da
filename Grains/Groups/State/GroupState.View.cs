using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>What can be seen of a group. Nothing here changes it.</summary>
internal sealed partial class GroupState
{
    /// <inheritdoc cref="GroupFacts.Exists"/>
    public bool Exists => _facts.Exists;

    /// <inheritdoc cref="GroupFacts.Incarnation"/>
    public Guid Incarnation => _facts.Incarnation;

    /// <inheritdoc cref="GroupFacts.GroupEpoch"/>
    public long GroupEpoch => _facts.GroupEpoch;

    /// <inheritdoc cref="GroupFacts.Members"/>
    public IReadOnlyCollection<GroupMember> Members => _facts.Members;

    /// <inheritdoc cref="GroupFacts.Topics"/>
    public ImmutableSortedDictionary<string, GroupTopic> Topics => _facts.Topics;

    /// <inheritdoc cref="GroupFacts.Offsets"/>
    public IEnumerable<CommittedOffset> Offsets => _facts.Offsets;

    /// <inheritdoc cref="GroupFacts.Retry"/>
    public RetryPolicy? Retry => _facts.Retry;

    /// <inheritdoc cref="GroupFacts.Redrive"/>
    public Redrive? Redrive => _facts.Redrive;

    /// <inheritdoc cref="GroupFacts.Classic"/>
    public ClassicGeneration? Classic => _facts.Classic;

    /// <summary>The phase of the group.</summary>
    public GroupPhase Phase => _assignment.Phase;

    /// <summary>The name of the assignor that most members ask for.</summary>
    public string AssignorName => _assignment.AssignorName;

    /// <summary>
    /// The count of polls that have come, may bring new members and are not handled yet. An assignment waits for them, but no longer than for other
    /// changes. The caller keeps the count; it is not stored.
    /// </summary>
    public int ExpectedPolls
    {
        get => _assignment.ExpectedPolls;
        set => _assignment.ExpectedPolls = value;
    }

    /// <summary>
    /// The members of the classic protocol, with those that join just now. Whoever runs that protocol keeps the count; it is not stored.
    /// </summary>
    public int ClassicMemberCount
    {
        get => _lifetime.ClassicMemberCount;
        set => _lifetime.ClassicMemberCount = value;
    }

    /// <summary>True when the group has members, by whichever protocol.</summary>
    public bool HasMembers => _lifetime.MemberCount > 0;

    /// <summary>The names of the topics whose partitions the group must know.</summary>
    public ImmutableSortedSet<string> TopicNames => _subscriptions.TopicNames;

    /// <summary>The names that members subscribe to and that no topic has.</summary>
    public ImmutableSortedSet<string> UnknownTopics => _subscriptions.UnknownOf(Members);

    /// <summary>The names of the topics in which records of the group's topics wait for the next attempt; some may not exist.</summary>
    public ImmutableArray<string> OwnRetryTopics => _subscriptions.OwnRetryTopics;

    /// <inheritdoc cref="GroupFacts.FindMember"/>
    public GroupMember? FindMember(string member) => _facts.FindMember(member);

    /// <inheritdoc cref="GroupFacts.FindOffset"/>
    public CommittedOffset? FindOffset(TopicPartition partition) => _facts.FindOffset(partition);

    /// <inheritdoc cref="GroupFacts.FindTopic"/>
    public GroupTopic? FindTopic(Guid id) => _facts.FindTopic(id);

    /// <inheritdoc cref="GroupFacts.HoldsOf"/>
    public ImmutableArray<HeldRecord> HoldsOf(TopicPartition partition) => _facts.HoldsOf(partition);

    /// <summary>The names that a member subscribes to and that no topic has.</summary>
    /// <param name="member">The member's id.</param>
    public ImmutableSortedSet<string> UnknownTopicsOf(string member) => FindMember(member) is { } known ? _subscriptions.UnknownOf([known]) : [];

    /// <summary>
    /// The names that a member reads: the topics that it subscribes to, and those in which their records wait for the next attempt.
    /// </summary>
    /// <param name="topics">The topics that it subscribes to.</param>
    public IEnumerable<string> WithRetries(IEnumerable<string> topics) => _subscriptions.WithRetries(topics);

    /// <summary>True when a partition is a member's: nobody else may read it, or commit for it.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="partition">The partition.</param>
    public bool IsOwner(string member, TopicPartition partition) => _facts.OwnerOf(partition) == member;

    /// <summary>The rest of a member's lease, in milliseconds.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public long LeaseLeftMs(string member, GroupTime time) => _members.LeaseLeftMs(member, time);

    /// <summary>True when a member should poll: it is to give up partitions, can take some on, or its epoch has changed.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="epoch">The epoch that the member knows.</param>
    public bool HasNews(string member, long epoch) => _assignment.HasNews(member, epoch);

    /// <summary>How long until an assignment is due, in milliseconds; null when none is.</summary>
    /// <param name="time">The time of the call, on both clocks.</param>
    public long? RebalanceDueMs(GroupTime time) => _assignment.DueMs(time);

    /// <summary>Whether a process still speaks for a member.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="claim">What the group told the process last.</param>
    /// <returns>Null if it does; else that the member left, its lease ended, or another process took its place.</returns>
    public GroupRefusal? CheckMember(string member, MemberClaim claim) => _polling.CheckMember(member, claim);
}
