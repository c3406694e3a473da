using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Tests.Groups.State;

/// <summary>What every step checks.</summary>
internal sealed partial class GroupRun
{
    private T Take<T>(Handled<T> handled, Dictionary<TopicPartition, string> owners, bool mayGoBack = false)
    {
        foreach (var change in handled.Events)
        {
            _history.Add(change);
            if (change is GroupDeleted)
                _committed.Clear();
            var offsets = change switch
            {
                OffsetsCommitted committed => committed.Offsets,
                OffsetsReset reset => reset.Offsets,
                _ => [],
            };
            foreach (var offset in offsets)
            {
                Assert.True(mayGoBack || owners.ContainsKey(offset.Place), $"Nobody had {offset.Place}.");
                Assert.True(mayGoBack || offset.Offset >= _committed.GetValueOrDefault(offset.Place), $"{offset} goes back.");
                _committed[offset.Place] = offset.Offset;
            }
        }

        _lastEventCount = handled.Events.Length;
        _lastEvents = [.. handled.Events];
        CheckNew();
        return handled.Answer;
    }

    /// <summary>
    /// A partition is new to the group exactly if it came while the group knew its topic, or the topic did while a member asked for it.
    /// </summary>
    private void CheckNew()
    {
        var left = _lastEvents.OfType<MemberLeft>().Select(change => change.Member).ToHashSet();
        var askedBefore = _subscriptions.Where(one => !left.Contains(one.Key)).SelectMany(one => one.Value).ToHashSet();
        _subscriptions = State.Members.ToDictionary(member => member.Id, member => (IEnumerable<string>)member.Topics);
        foreach (var gone in _known.Keys.Except(State.Topics.Keys).ToArray())
            _known.Remove(gone);
        foreach (var topic in State.Topics.Values)
        {
            if (!_known.TryGetValue(topic.Name, out var known))
                _known[topic.Name] = (topic.Id, askedBefore.Contains(topic.Name) ? 0 : topic.PartitionCount);
            else if (known.Id != topic.Id)
                _known[topic.Name] = (topic.Id, 0);
            Assert.All(Enumerable.Range(0, topic.PartitionCount),
                partition => Assert.Equal(partition >= _known[topic.Name].OldPartitions, topic.IsNew(partition)));
        }
    }

    private Dictionary<TopicPartition, string> Owners() => State.Members
        .SelectMany(member => member.Assigned.Select(partition => (partition, member.Id)))
        .ToDictionary(pair => pair.partition, pair => pair.Id);

    private void Check()
    {
        // Never two owners: as the state has it (this throws), and as processes with a lease must believe it.
        _ = Owners();
        var believed = _processes.Values
            .Where(process => process.BelievedUntilMs > Now.MonotonicMs && (process.LetsGoByMs ?? long.MaxValue) > Now.MonotonicMs)
            .SelectMany(process => process.Believed.Select(partition => (partition, process.Member)));
        foreach (var partition in believed.GroupBy(pair => pair.partition))
            Assert.True(partition.Count() == 1, $"{partition.Key} is with {string.Join(" and ", partition.Select(pair => pair.Member))}.");
        foreach (var (partition, offset) in _committed)
            Assert.Equal(offset, State.FindOffset(partition)?.Offset);
        // Replayed from its first event on, the state is the same.
        if (_history.Count == _replayed)
            return;
        _replayed = _history.Count;
        Assert.Equal(Describe(State.ToEvents()), Describe(GroupState.Restore(_history, Now).ToEvents()));
    }

    private static string Describe(IEnumerable<GroupEvent> events) =>
        System.Text.Json.JsonSerializer.Serialize(events);
}
