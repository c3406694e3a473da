using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Groups.Classic;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>The classic protocol between the pure core's words and the contract's.</summary>
internal static class ClassicConversions
{
    /// <summary>The answer of a sync whose leader has not assigned yet.</summary>
    public static ClassicSyncResponse StillAssigning { get; } = new(Error: null, ProtocolType: null, Assignor: null, default) { IsWaiting = true };

    /// <summary>A join as the state takes it.</summary>
    /// <param name="request">The join.</param>
    public static JoinCommand ToCommand(ClassicJoinRequest request) => new(
        request.Member, request.NewMember, request.InstanceId, request.ClientId, request.ClientHost, request.SessionMs, request.RebalanceMs,
        request.ProtocolType, [.. request.Assignors.Select(one => new ClassicProtocol(one.Name, one.Metadata))])
    {
        RequiresId = request.RequiresId,
        MaySkipAssignment = request.MaySkipAssignment,
    };

    /// <summary>A sync as the state takes it.</summary>
    /// <param name="request">The sync.</param>
    public static SyncCommand ToCommand(ClassicSyncRequest request) => new(
        ToClaim(request.Claim), request.ProtocolType, request.Assignor,
        [.. request.Assignments.Select(one => KeyValuePair.Create(one.Member, one.Assignment))]);

    /// <summary>A claim as the state takes it.</summary>
    /// <param name="claim">The claim.</param>
    public static ClassicClaim ToClaim(in GroupClaim claim) => new(claim.Member, claim.InstanceId, claim.Generation);

    /// <summary>What a member that joined is told.</summary>
    /// <param name="answer">The state's answer.</param>
    public static ClassicJoinResponse ToResponse(JoinAnswer answer) => new(
        GroupConversions.ToError(answer.Refusal), answer.Member, answer.Generation, answer.ProtocolType, answer.Protocol, answer.Leader,
        [.. answer.Members.Select(one => new GenerationMember(one.Id, one.InstanceId, one.Metadata))])
    {
        SkipAssignment = answer.SkipAssignment,
    };

    /// <summary>What a member is told that asked what it reads.</summary>
    /// <param name="answer">The state's answer.</param>
    public static ClassicSyncResponse ToResponse(SyncAnswer answer) =>
        new(GroupConversions.ToError(answer.Refusal), answer.ProtocolType, answer.Protocol, answer.Assignment);

    /// <summary>The answer of a join that was refused before the state was asked.</summary>
    /// <param name="member">The id that it came with.</param>
    /// <param name="error">Why it failed or was refused.</param>
    public static ClassicJoinResponse Refused(string member, StreamError error) =>
        new(error, member, Generation: -1, ProtocolType: null, Assignor: null, Leader: "", []);

    /// <summary>The answer of a join whose generation has not begun.</summary>
    /// <param name="member">The id by which it asks again.</param>
    public static ClassicJoinResponse Waiting(string member) =>
        new(Error: null, member, Generation: -1, ProtocolType: null, Assignor: null, Leader: "", []) { IsWaiting = true };

    /// <summary>The topics that a member says it reads; none when it is no consumer.</summary>
    /// <param name="member">The member.</param>
    /// <param name="protocol">The assignor of the generation; null for the one that the member prefers.</param>
    public static ImmutableArray<string> TopicsOf(LiveMember member, string? protocol)
    {
        var metadata = member.MetadataOf(protocol ?? member.Protocols.FirstOrDefault()?.Name);
        return ConsumerProtocol.TryReadTopics(metadata.Span, out var topics) ? topics : [];
    }

    /// <summary>The topics that the members say they read; some may be named more than once.</summary>
    /// <param name="group">The members.</param>
    public static IEnumerable<string> TopicsOf(ClassicGroup group) => group.Members.SelectMany(member => TopicsOf(member, group.Protocol));

    /// <summary>The classic protocol's side of a group; null when nobody ever joined by it.</summary>
    /// <param name="group">The members.</param>
    /// <param name="isKnown">True when somebody ever joined.</param>
    public static ClassicDescription? ToDescription(ClassicGroup group, bool isKnown) => isKnown || group.IsActive
        ? new ClassicDescription(group.Phase.ToString(), group.Generation, group.ProtocolType, group.Protocol,
            [.. group.Members.Select(one => new ClassicMemberDescription(
                one.Id, one.InstanceId, one.ClientId, one.ClientHost, one.MetadataOf(group.Protocol), one.Assignment))])
        : null;

    /// <summary>
    /// A group with members of the classic protocol as people are told of it, as far as what its members tell each other can be read.
    /// </summary>
    /// <param name="description">The group without these members.</param>
    /// <param name="state">The group's state.</param>
    /// <param name="group">The members.</param>
    /// <param name="found">What the topics are that members read.</param>
    /// <param name="time">The time of the call, on both clocks.</param>
    public static GroupDescription Describe(
        GroupDescription description, GroupState state, ClassicGroup group, ImmutableArray<TopicLookup> found, GroupTime time)
    {
        var topics = found.Select(one => one.Topic).OfType<GroupTopic>().ToDictionary(topic => topic.Name, StringComparer.Ordinal);
        var told = description with { Classic = ToDescription(group, state.Classic is not null) };
        if (group.Members.Count == 0)
            return told;
        return told with
        {
            Phase = group.Phase.ToString(),
            GroupEpoch = group.Generation,
            Assignor = group.Protocol ?? "",
            Members = [.. group.Members.Select(one => new MemberDescription(
                one.Id, group.Generation, TopicsOf(one, group.Protocol), one.SessionMs, group.SessionLeftMs(one.Id, time),
                AssignedTo(one), AssignedTo(one)))],
        };

        ImmutableArray<AssignedPartition> AssignedTo(LiveMember member) =>
            !ConsumerProtocol.TryReadAssignment(member.Assignment.Span, out var partitions) ? [] :
        [
            .. partitions
                .Where(one => topics.TryGetValue(one.Topic, out var topic) && one.Partition >= 0 && one.Partition < topic.PartitionCount).Distinct()
                .OrderBy(one => one.Topic, StringComparer.Ordinal).ThenBy(one => one.Partition)
                .Select(one => new AssignedPartition(one.Topic, topics[one.Topic].Id, one.Partition,
                    state.FindOffset(new TopicPartition(topics[one.Topic].Id, one.Partition))?.Offset ?? -1)),
        ];
    }
}
