using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>Applies events. No other code changes the facts.</summary>
internal sealed partial class GroupFacts
{
    /// <summary>Applies one event.</summary>
    /// <param name="change">The event.</param>
    /// <exception cref="ArgumentException">This version does not know events of this kind.</exception>
    public void Apply(GroupEvent change)
    {
        switch (change)
        {
            case GroupCreated created:
                ApplyCreated(created);
                break;
            case TopicsChanged topics:
                ApplyTopics(topics);
                break;
            case MemberJoined joined:
                ApplyJoined(joined);
                break;
            case MemberRestarted restarted:
                ApplyRestarted(restarted);
                break;
            case MemberChanged changed:
                ApplyChanged(changed);
                break;
            case MemberLeft left:
                ApplyLeft(left);
                break;
            case TargetAssigned target:
                ApplyTarget(target);
                break;
            case AssignmentChanged assignment:
                ApplyAssignment(assignment);
                break;
            case OffsetsCommitted committed:
                SetOffsets(committed.Offsets);
                break;
            case OffsetsReset reset:
                SetOffsets(reset.Offsets);
                foreach (var offset in reset.Offsets)
                    _holds.Remove(offset.Place);
                break;
            case OffsetsRemoved removed:
                ApplyRemoved(removed);
                break;
            case RetryChanged retry:
                Retry = retry.Policy;
                GroupEpoch = retry.GroupEpoch;
                break;
            case RedriveChanged redrive:
                Redrive = redrive.Redrive;
                break;
            case HoldsChanged holds:
                _holds.Remove(holds.Partition);
                if (holds.Holds.Length > 0)
                    _holds.Add(holds.Partition, holds.Holds);
                break;
            case ClassicChanged classic:
                Classic = classic.Generation;
                if (Classic.Members.IsEmpty)
                    EmptySinceMs = classic.AtMs;
                break;
            case GroupDeleted:
                ApplyDeleted();
                break;
            default:
                throw new ArgumentException($"{change.GetType().Name} is not known.", nameof(change));
        }
    }

    private void ApplyCreated(GroupCreated created)
    {
        Incarnation = created.Incarnation;
        GroupEpoch = created.GroupEpoch;
        LastMemberEpoch = created.LastMemberEpoch;
        EmptySinceMs = created.EmptySinceMs;
    }

    private void ApplyJoined(MemberJoined joined)
    {
        ApplyEpoch(joined.Epoch);
        GroupEpoch = joined.GroupEpoch;
        _members[joined.Member] = new GroupMember(
            joined.Member, joined.Epoch, joined.Since, joined.Topics.WithComparer(StringComparer.Ordinal), joined.LeaseMs, joined.Assignor)
        {
            Consumer = Ordinal(joined.Consumer),
        };
    }

    private void ApplyRestarted(MemberRestarted restarted)
    {
        ApplyEpoch(restarted.Epoch);
        Change(restarted.Member, member => member with
        {
            Epoch = restarted.Epoch,
            Since = restarted.Epoch,
            Consumer = Ordinal(restarted.Consumer),
            Revoking = PartitionSet.Empty,
        });
    }

    private void ApplyChanged(MemberChanged changed)
    {
        GroupEpoch = changed.GroupEpoch;
        Change(changed.Member, member => member with
        {
            Topics = changed.Topics.WithComparer(StringComparer.Ordinal),
            LeaseMs = changed.LeaseMs,
            Assignor = changed.Assignor,
            Consumer = Ordinal(changed.Consumer) ?? member.Consumer,
        });
    }

    private void ApplyTarget(TargetAssigned target)
    {
        TargetEpoch = target.GroupEpoch;
        foreach (var id in _members.Keys.ToArray())
            Change(id, member => member with { Target = PartitionSet.Empty });
        foreach (var one in target.Targets)
            Change(one.Member, member => member with { Target = one.Partitions });
    }

    private void ApplyRemoved(OffsetsRemoved removed)
    {
        foreach (var partition in removed.Partitions)
        {
            _offsets.Remove(partition);
            _holds.Remove(partition);
        }
    }

    private void ApplyTopics(TopicsChanged topics)
    {
        GroupEpoch = topics.GroupEpoch;
        Topics = topics.Topics.ToImmutableSortedDictionary(topic => topic.Name, topic => topic, StringComparer.Ordinal);
        _topicsById = Topics.Values.ToDictionary(topic => topic.Id);
        _offsets.RemoveTopics(_topicsById.ContainsKey);
        foreach (var partition in _holds.Keys.Where(partition => !_topicsById.ContainsKey(partition.TopicId)).ToArray())
            _holds.Remove(partition);
    }

    private void ApplyLeft(MemberLeft left)
    {
        GroupEpoch = left.GroupEpoch;
        if (!_members.Remove(left.Member, out var member))
            return;
        foreach (var partition in member.Assigned)
            _owners.Remove(partition);
        if (_members.Count == 0)
            EmptySinceMs = left.AtMs;
    }

    private void ApplyAssignment(AssignmentChanged assignment)
    {
        ApplyEpoch(assignment.Epoch);
        foreach (var partition in _members[assignment.Member].Assigned)
            _owners.Remove(partition);
        foreach (var partition in assignment.Partitions)
            _owners.Add(partition, assignment.Member);
        Change(assignment.Member, member => member with
        {
            Epoch = assignment.Epoch,
            Assigned = assignment.Partitions,
            Revoking = assignment.Revoking ?? PartitionSet.Empty,
        });
    }

    private void ApplyDeleted()
    {
        Incarnation = Guid.Empty;
        GroupEpoch = TargetEpoch = LastMemberEpoch = EmptySinceMs = 0;
        _members.Clear();
        _owners.Clear();
        _offsets.Clear();
        _holds.Clear();
        Retry = null;
        Redrive = null;
        Classic = null;
        Topics = NoTopics;
        _topicsById = [];
    }

    private void SetOffsets(ImmutableArray<CommittedOffset> offsets)
    {
        foreach (var offset in offsets)
            _offsets.Set(offset);
    }

    private static ConsumerMember? Ordinal(ConsumerMember? consumer) =>
        consumer?.Matched is { } matched ? consumer with { Matched = matched.WithComparer(StringComparer.Ordinal) } : consumer;

    private void ApplyEpoch(long epoch) => LastMemberEpoch = Math.Max(LastMemberEpoch, epoch);

    private void Change(string id, Func<GroupMember, GroupMember> change) => _members[id] = change(_members[id]);
}
