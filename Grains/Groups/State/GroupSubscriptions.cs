using System.Collections.Immutable;
using System.Text;
using OrleansStream.Errors;

namespace OrleansStream.Groups.State;

/// <summary>Which topics the members of a group read, and what the group knows of these topics.</summary>
/// <param name="facts">The group's facts.</param>
/// <param name="events">Takes what changes.</param>
internal sealed class GroupSubscriptions(GroupFacts facts, RaisedEvents events)
{
    /// <inheritdoc cref="GroupState.TopicNames"/>
    public ImmutableSortedSet<string> TopicNames => [.. facts.Members.SelectMany(ReadBy).Concat(facts.Topics.Keys)];

    /// <inheritdoc cref="GroupState.OwnRetryTopics"/>
    public ImmutableArray<string> OwnRetryTopics => [.. RetryTopicsOf(facts.Topics.Keys)];

    /// <summary>The names that given members subscribe to and that no topic has.</summary>
    /// <param name="members">The members.</param>
    public ImmutableSortedSet<string> UnknownOf(IEnumerable<GroupMember> members) => members
        .SelectMany(member => member.Topics).Where(topic => !facts.Topics.ContainsKey(topic)).ToImmutableSortedSet(StringComparer.Ordinal);

    /// <summary>
    /// The names that members read before a change. A topic that is found later under one of them did not exist when they first asked for it.
    /// </summary>
    /// <param name="found">What the change looked up; without that there is nothing to compare with.</param>
    public HashSet<string> ReadBefore(ImmutableArray<TopicLookup> found) => found.IsEmpty ? [] : ReadByMembers();

    /// <summary>The ids of the existing topics that a member reads.</summary>
    /// <param name="member">The member.</param>
    public HashSet<Guid> TopicIdsOf(GroupMember member) =>
        ReadBy(member).Where(facts.Topics.ContainsKey).Select(name => facts.Topics[name].Id).ToHashSet();

    /// <inheritdoc cref="GroupState.WithRetries"/>
    public IEnumerable<string> WithRetries(IEnumerable<string> topics) => facts.Retry is null
        ? topics
        : topics.Concat(RetryTopicsOf(topics)).Distinct(StringComparer.Ordinal);

    /// <summary>Takes note of a member's subscription, lease and assignor, and of what its topics are.</summary>
    /// <param name="command">What the member asks for.</param>
    /// <param name="readBefore">The result of <see cref="ReadBefore"/>, before the member joined.</param>
    /// <param name="consumer">The member with its new regular expression or matches; null when these are the same.</param>
    public void Subscribe(PollCommand command, HashSet<string> readBefore, ConsumerMember? consumer = null)
    {
        var member = facts.FindMember(command.Member)!;
        var isSame = member.Topics.SetEquals(command.Topics) && member.Assignor == command.Assignor && consumer is null;
        if (!isSame || member.LeaseMs != command.LeaseMs)
        {
            events.Raise(new MemberChanged(
                member.Id, command.Topics, command.LeaseMs, command.Assignor, isSame ? facts.GroupEpoch : facts.GroupEpoch + 1)
            {
                Consumer = consumer,
            });
        }

        Learn(command.Found, readBefore);
    }

    /// <summary>Learns of topics that were created, deleted, created again, or grown, and forgets those that nobody needs.</summary>
    /// <param name="found">The results of looking up topics by name.</param>
    /// <param name="readBefore">The result of <see cref="ReadBefore"/>.</param>
    /// <returns>True when the group learned anything new.</returns>
    public bool Learn(ImmutableArray<TopicLookup> found, HashSet<string> readBefore)
    {
        var topics = facts.Topics;
        foreach (var lookup in found)
        {
            topics = lookup.Topic is null
                ? topics.Remove(lookup.Name)
                : topics.SetItem(lookup.Name, Marked(lookup.Name, lookup.Topic, readBefore.Contains(lookup.Name)));
        }

        // A topic that nobody subscribes to and that has no offset is dropped.
        var wanted = ReadByMembers();
        var kept = facts.Offsets.Select(offset => offset.TopicId).ToHashSet();
        topics = topics.RemoveRange(topics.Values.Where(topic => !wanted.Contains(topic.Name) && !kept.Contains(topic.Id))
            .Select(topic => topic.Name));
        if (topics.Count == facts.Topics.Count && topics.All(topic => facts.Topics.TryGetValue(topic.Key, out var known) && known == topic.Value))
            return false;
        events.Raise(new TopicsChanged([.. topics.Values], facts.GroupEpoch + 1));
        return true;
    }

    /// <summary>The topics that the group knows, together with topics that were looked up for their offsets.</summary>
    /// <param name="found">The results of looking up topics by name.</param>
    public ImmutableSortedDictionary<string, GroupTopic> TopicsWith(ImmutableArray<TopicLookup> found) => facts.Topics.SetItems(found
        .Where(lookup => lookup.Topic is not null)
        .Select(lookup => KeyValuePair.Create(lookup.Name, Marked(lookup.Name, lookup.Topic!, isReadBefore: false))));

    /// <summary>
    /// Refuses a subscription when the group would look for too many topics that do not exist, or would store too many bytes of their names.
    /// </summary>
    /// <param name="member">The member; null when it is to join.</param>
    /// <param name="command">What the member asks for.</param>
    /// <returns>Null, or the refusal.</returns>
    public GroupRefusal? CheckUnknown(GroupMember? member, PollCommand command)
    {
        if (member?.Topics.SetEquals(command.Topics) == true)
            return null;
        var found = command.Found.Where(lookup => lookup.Topic is not null).Select(lookup => lookup.Name).ToHashSet(StringComparer.Ordinal);
        bool IsUnknown(string topic) => !facts.Topics.ContainsKey(topic) && !found.Contains(topic);
        string[] unknown = [.. command.Topics.Where(IsUnknown)];
        if (unknown.Length == 0)
            return null;
        string[] others = [.. facts.Members.Where(other => other != member).SelectMany(other => other.Topics).Where(IsUnknown)];
        var count = others.Union(unknown, StringComparer.Ordinal).Count();
        var bytes = others.Concat(unknown).Sum(topic => (long)Encoding.UTF8.GetByteCount(topic));
        return count <= GroupStateLimits.UnknownTopicsMax && bytes <= GroupStateLimits.UnknownTopicBytesMax ? null : new GroupRefusal(
            StreamErrorCode.PolicyViolation,
            $"Topic '{unknown[0]}' does not exist. Members of a group may ask for {GroupStateLimits.UnknownTopicsMax} topics that do not exist, "
            + $"with {GroupStateLimits.UnknownTopicBytesMax} bytes of names over all members; with this one's they would ask for {count}, with {bytes} bytes.");
    }

    /// <summary>Refuses matches of a regular expression when the group would store too many bytes of their names.</summary>
    /// <param name="member">The member's id.</param>
    /// <param name="matched">The names.</param>
    /// <returns>Null, or the refusal.</returns>
    public GroupRefusal? CheckMatched(string member, ImmutableSortedSet<string> matched)
    {
        var bytes = facts.Members.Where(other => other.Id != member).SelectMany(other => other.Consumer?.Matched ?? []).Concat(matched)
            .Sum(topic => (long)Encoding.UTF8.GetByteCount(topic));
        return bytes <= GroupStateLimits.MatchedTopicBytesMax ? null : new GroupRefusal(
            StreamErrorCode.PolicyViolation,
            $"The names of the topics that regular expressions of the group's members match have at most {GroupStateLimits.MatchedTopicBytesMax} bytes; "
            + $"with this member's {matched.Count} topics they would have {bytes}.");
    }

    /// <summary>
    /// The topics that match a member's regular expression, without those in which the group's records wait for their next attempt.
    /// </summary>
    /// <param name="topics">The topics' names.</param>
    public ImmutableSortedSet<string> WithoutRetries(ImmutableSortedSet<string> topics) => facts.Retry is not { } policy ? topics
        : topics.Except(topics.Where(policy.IsRetryTopic));

    /// <summary>Refuses topics whose retry topics would have names that are too long.</summary>
    /// <param name="policy">The retry policy, or null.</param>
    /// <param name="topics">The topics.</param>
    /// <returns>Null, or the refusal.</returns>
    public static GroupRefusal? CheckNames(RetryPolicy? policy, IEnumerable<string> topics)
    {
        var tooLong = policy is null ? null : topics.FirstOrDefault(topic => policy.RetryTopicOf(topic).Length > GroupStateLimits.TopicNameLengthMax);
        return tooLong is null ? null : new GroupRefusal(
            StreamErrorCode.InvalidTopicException,
            $"The group keeps retries of topic '{tooLong}' in '{policy!.RetryTopicOf(tooLong)}', which is longer than the {GroupStateLimits.TopicNameLengthMax} characters of a topic's name.");
    }

    /// <summary>
    /// A topic as it was found, marked with its partitions that are new to the group. Partitions are only ever added, so a count below the known one
    /// comes from an older lookup.
    /// </summary>
    private GroupTopic Marked(string name, GroupTopic found, bool isReadBefore)
    {
        var known = facts.Topics.GetValueOrDefault(name);
        if (known?.Id != found.Id)
            return isReadBefore || known is not null ? found with { NewFrom = 0 } : found;
        return found.PartitionCount > known.PartitionCount ? found with { NewFrom = known.NewFrom ?? known.PartitionCount } : known;
    }

    /// <summary>The names that a member reads: of one that polls also those in which records wait for their next attempt.</summary>
    private IEnumerable<string> ReadBy(GroupMember member) => member.Consumer is null ? WithRetries(member.Topics) : member.Subscribed;

    private HashSet<string> ReadByMembers() => facts.Members.SelectMany(ReadBy).ToHashSet(StringComparer.Ordinal);

    /// <summary>The names of the topics in which the records of given topics wait for the next attempt; some may not exist.</summary>
    private IEnumerable<string> RetryTopicsOf(IEnumerable<string> topics) => facts.Retry is not { } policy
        ? []
        : topics.Where(topic => !policy.IsRetryTopic(topic)).Select(policy.RetryTopicOf);
}
