using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>
/// Everything that is stored of a group, as the sum of its events: its topics, its members with their targets and their partitions, the committed
/// offsets, the records that wait in place, and the retry policy. Only <see cref="Apply"/> changes it, live and when a group is read back.
/// </summary>
internal sealed partial class GroupFacts
{
    private readonly SortedDictionary<string, GroupMember> _members = new(StringComparer.Ordinal);
    private readonly Dictionary<TopicPartition, string> _owners = [];
    private readonly OffsetTable _offsets = new();
    private readonly SortedDictionary<TopicPartition, ImmutableArray<HeldRecord>> _holds = [];
    private Dictionary<Guid, GroupTopic> _topicsById = [];

    /// <summary>True when a member has joined or offsets were set, and the group was not deleted since.</summary>
    public bool Exists => Incarnation != Guid.Empty;

    /// <summary>A random id. A group that is deleted and created again gets another one.</summary>
    public Guid Incarnation { get; private set; }

    /// <summary>Grows with every change that needs a new assignment.</summary>
    public long GroupEpoch { get; private set; }

    /// <summary>The group epoch for which the targets were assigned.</summary>
    public long TargetEpoch { get; private set; }

    /// <summary>The next member epoch. It is larger than all that were given out.</summary>
    public long NextMemberEpoch => LastMemberEpoch + 1;

    /// <summary>When the group last became empty, in milliseconds since the Unix epoch.</summary>
    public long EmptySinceMs { get; private set; }

    /// <summary>The members in ordinal order of their ids.</summary>
    public IReadOnlyCollection<GroupMember> Members => _members.Values;

    /// <summary>The topics of the group's subscriptions and offsets, by name.</summary>
    public ImmutableSortedDictionary<string, GroupTopic> Topics { get; private set; } = NoTopics;

    /// <summary>The committed offsets, by topic id and partition.</summary>
    public IEnumerable<CommittedOffset> Offsets => _offsets.All;

    /// <summary>The count of committed offsets.</summary>
    public int OffsetCount => _offsets.Count;

    /// <summary>The UTF-8 bytes of the metadata of all committed offsets.</summary>
    public long OffsetMetadataBytes => _offsets.MetadataBytes;

    /// <summary>The count of records that wait in place, over all partitions.</summary>
    public int HoldCount => _holds.Values.Sum(holds => holds.Length);

    /// <summary>The retry policy; null when nobody has set one.</summary>
    public RetryPolicy? Retry { get; private set; }

    /// <summary>The last redrive of dead letters; null when there was none.</summary>
    public Redrive? Redrive { get; private set; }

    /// <summary>The last generation of the classic protocol; null when nobody ever joined by it.</summary>
    public ClassicGeneration? Classic { get; private set; }

    private long LastMemberEpoch { get; set; }

    private static ImmutableSortedDictionary<string, GroupTopic> NoTopics { get; } =
        ImmutableSortedDictionary.Create<string, GroupTopic>(StringComparer.Ordinal);

    /// <summary>A member by its id, or null.</summary>
    /// <param name="member">The member's id.</param>
    public GroupMember? FindMember(string member) => _members.GetValueOrDefault(member);

    /// <summary>The member that has a partition, by its id; null when nobody has it.</summary>
    /// <param name="partition">The partition.</param>
    public string? OwnerOf(TopicPartition partition) => _owners.GetValueOrDefault(partition);

    /// <summary>Whether a member has a partition, or nobody has it.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="member">The member's id.</param>
    public bool IsFreeFor(TopicPartition partition, string member) => OwnerOf(partition) is not { } owner || owner == member;

    /// <summary>The committed offset of a partition, or null.</summary>
    /// <param name="partition">The partition.</param>
    public CommittedOffset? FindOffset(TopicPartition partition) => _offsets.Find(partition);

    /// <summary>The records of a partition that wait in place, by offset.</summary>
    /// <param name="partition">The partition.</param>
    public ImmutableArray<HeldRecord> HoldsOf(TopicPartition partition) => _holds.GetValueOrDefault(partition, []);

    /// <summary>A topic by its id, or null when the group neither reads it nor has an offset of it.</summary>
    /// <param name="id">The topic's id.</param>
    public GroupTopic? FindTopic(Guid id) => _topicsById.GetValueOrDefault(id);

    /// <summary>A partition's topic, for messages.</summary>
    /// <param name="partition">The partition.</param>
    public string NameOf(TopicPartition partition) => FindTopic(partition.TopicId) is { } topic ? $"topic '{topic.Name}'" : "a deleted topic";

    /// <summary>The fewest events that make these facts.</summary>
    public ImmutableArray<GroupEvent> ToEvents()
    {
        if (!Exists)
            return [];
        var events = ImmutableArray.CreateBuilder<GroupEvent>();
        events.Add(new GroupCreated(Incarnation, GroupEpoch, LastMemberEpoch, EmptySinceMs));
        events.Add(new TopicsChanged([.. Topics.Values], GroupEpoch));
        if (Retry is not null)
            events.Add(new RetryChanged(Retry, GroupEpoch));
        if (Redrive is not null)
            events.Add(new RedriveChanged(Redrive));
        foreach (var m in _members.Values)
            events.Add(new MemberJoined(m.Id, m.Epoch, m.Since, m.Topics, m.LeaseMs, m.Assignor, GroupEpoch) { Consumer = m.Consumer });
        events.Add(new TargetAssigned(TargetEpoch, [.. _members.Values
            .Where(member => member.Target.Count > 0).Select(member => new MemberTarget(member.Id, member.Target))]));
        foreach (var m in _members.Values.Where(member => member.Assigned.Count > 0))
            events.Add(new AssignmentChanged(m.Id, m.Epoch, m.Assigned) { Revoking = m.Revoking.Count == 0 ? null : m.Revoking });
        if (_offsets.Count > 0)
            events.Add(new OffsetsReset([.. _offsets.All]));
        if (Classic is not null)
            events.Add(new ClassicChanged(Classic, EmptySinceMs));
        events.AddRange(_holds.Select(holds => new HoldsChanged(holds.Key, holds.Value)));
        return events.ToImmutable();
    }
}
