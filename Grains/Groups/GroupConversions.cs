using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using OrleansStream.Errors;
using OrleansStream.Groups.State;
using OrleansStream.Randomness;

namespace OrleansStream.Groups;

/// <summary>Translates between the types of the pure core and those of the grain contract.</summary>
internal static class GroupConversions
{
    /// <summary>Translates a poll into a command of the state.</summary>
    /// <param name="request">The poll.</param>
    /// <param name="found">The topics that were looked up for the poll.</param>
    /// <param name="random">Where the jitter of the records that failed comes from.</param>
    public static PollCommand ToCommand(GroupPollRequest request, ImmutableArray<TopicLookup> found, RandomSource random) => new(
        request.Member, [.. request.Topics.Order(StringComparer.Ordinal)], found,
        request.Token is { } token ? new MemberClaim(token.GroupId, token.Epoch) : null,
        ToCommits(request.Commits), request.LeaseMs, request.Assignor)
    {
        NeverJoins = request.NeverJoins,
        KeepsPartitions = request.KeepsPartitions,
        Holds = [.. request.Holds.Select(holds => new HoldsChange(
            new TopicPartition(holds.TopicId, holds.Partition),
            [.. holds.Done.Select(done => new HoldDone(done.Offset, done.Attempt))],
            [.. holds.Failed.Select(failed => new HoldFailed(failed.Offset, failed.Key, failed.Attempt))],
            [.. holds.Waiting.Select(waiting => new HoldWaiting(waiting.Offset, waiting.Key))],
            random.NextDouble()))],
    };

    /// <summary>Translates offsets into the state's type.</summary>
    /// <param name="offsets">The offsets.</param>
    public static ImmutableArray<OffsetCommit> ToCommits(ImmutableArray<PartitionOffset> offsets) => [.. offsets.Select(
        offset => new OffsetCommit(new TopicPartition(offset.TopicId, offset.Partition), offset.Offset, offset.Metadata ?? "", offset.InPlaceOf))];

    /// <summary>Translates a member's assignment into the answer to a poll or commit.</summary>
    /// <param name="group">The group.</param>
    /// <param name="member">The member's id.</param>
    /// <param name="answer">The state's answer.</param>
    public static GroupMemberResponse ToResponse(GroupState group, string member, MemberAnswer answer) => new(
        ToError(answer.Refusal),
        answer.Epoch == 0 ? null : new MemberToken(answer.Incarnation, answer.Epoch),
        answer.LeaseLeftMs,
        ToAssignment(group, answer.Assigned),
        ToPolicy(group.Retry))
    {
        UnknownTopics = answer.Epoch == 0 ? [] : [.. group.UnknownTopicsOf(member)],
    };

    /// <summary>Translates a policy into the state's type.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="group">The group's name.</param>
    public static RetryPolicy ToRetry(GroupRetryPolicy policy, string group) =>
        new(group, policy.MaxAttempts, policy.BackoffMs, policy.Jitter, policy.InPlace, policy.DeadLetterTopic);

    /// <summary>Translates a policy into the contract's type.</summary>
    /// <param name="policy">The policy, or null.</param>
    [return: NotNullIfNotNull(nameof(policy))]
    public static GroupRetryPolicy? ToPolicy(RetryPolicy? policy) => policy is null
        ? null : new(policy.MaxAttempts, policy.BackoffMs, policy.Jitter, policy.InPlace, policy.DeadLetterTopic);

    /// <summary>Translates a filter into the state's type.</summary>
    /// <param name="filter">The filter.</param>
    public static RedriveWish ToWish(RedriveFilter filter) => new(filter.Topic, filter.Key, filter.Reason);

    /// <summary>Translates a filter into the contract's type.</summary>
    /// <param name="wish">The filter.</param>
    public static RedriveFilter ToFilter(RedriveWish wish) => new(wish.Topic, wish.Key, wish.Reason);

    /// <summary>Translates a redrive into the contract's type.</summary>
    /// <param name="redrive">The redrive, or null.</param>
    public static RedriveDescription? ToDescription(Redrive? redrive) => redrive is null ? null : new(
        ToFilter(redrive.Wish), DateTimeOffset.FromUnixTimeMilliseconds(redrive.StartedMs),
        redrive.EndedMs is { } ended ? DateTimeOffset.FromUnixTimeMilliseconds(ended) : null,
        redrive.RedrivenCount, redrive.KeptCount, redrive.LeftCount())
    {
        GoneCount = redrive.GoneCount,
        Refusals = [.. redrive.Reasons.Select(reason => new RedriveRefusal(reason.Reason, reason.Count, reason.Detail))],
    };

    /// <summary>Translates the answer of a redrive's step into the state's type.</summary>
    /// <param name="step">The step's answer.</param>
    /// <param name="topic">The topic of the step's dead letters.</param>
    public static RedriveProgress ToProgress(in RedriveStepResponse step, RedriveTopic topic) => new(
        step.NextOffset, step.RedrivenCount, step.KeptCount, step.GoneCount,
        // A silo with an older build sends none.
        step.Refusals.IsDefault ? [] : [.. step.Refusals.Select(refusal => new RedriveReason(refusal.Reason, refusal.Count, refusal.Detail))],
        step.Left.IsDefault ? [] : [.. step.Left.Select(range => topic with { Next = range.Offset, End = range.EndOffset })]);

    /// <summary>Translates a refusal into an error.</summary>
    /// <param name="refusal">The refusal, or null.</param>
    public static StreamError? ToError(GroupRefusal? refusal) => refusal is null ? null : new StreamError(refusal.Code, refusal.Detail);

    /// <summary>Translates a group into its description.</summary>
    /// <param name="group">The group.</param>
    /// <param name="time">The current time.</param>
    public static GroupDescription ToDescription(GroupState group, GroupTime time) => new(
        group.Incarnation, group.Phase.ToString(), group.GroupEpoch, group.AssignorName,
        [.. group.Members.Select(member => new MemberDescription(
            member.Id, member.Epoch, [.. member.Topics], member.LeaseMs, group.LeaseLeftMs(member.Id, time),
            ToAssignment(group, member.Assigned), ToAssignment(group, member.Target))
        {
            InstanceId = member.Consumer?.InstanceId,
            ClientId = member.Consumer?.ClientId,
            ClientHost = member.Consumer?.ClientHost,
            Pattern = member.Consumer?.Pattern,
            Matched = [.. member.Consumer?.Matched ?? []],
        })],
        [.. group.Offsets
            .Select(offset => (Offset: offset, Topic: group.FindTopic(offset.TopicId)))
            .Where(pair => pair.Topic is not null)
            .OrderBy(pair => pair.Topic!.Name, StringComparer.Ordinal).ThenBy(pair => pair.Offset.Partition)
            .Select(pair => new GroupOffset(
                pair.Topic!.Name, pair.Topic.Id, pair.Offset.Partition, pair.Offset.Offset, pair.Offset.Metadata,
                DateTimeOffset.FromUnixTimeMilliseconds(pair.Offset.AtMs)))],
        ToPolicy(group.Retry))
    {
        UnknownTopics = [.. group.UnknownTopics],
    };

    /// <summary>Translates committed offsets into the type of a measurement.</summary>
    /// <param name="group">The group.</param>
    public static ImmutableArray<MeasuredOffset> ToMeasured(GroupState group) =>
    [
        .. group.Offsets
            .Select(offset => (Offset: offset, Topic: group.FindTopic(offset.TopicId)))
            .Where(pair => pair.Topic is not null)
            .Select(pair => new MeasuredOffset(pair.Topic!.Name, pair.Topic.Id, pair.Offset.Partition, pair.Offset.Offset)),
    ];

    /// <summary>A heartbeat as the state takes it.</summary>
    /// <param name="request">The heartbeat.</param>
    /// <param name="found">What its topics are.</param>
    public static HeartbeatCommand ToCommand(GroupHeartbeatRequest request, ImmutableArray<TopicLookup> found) => new(
        request.Member, request.Epoch, new ConsumerMember(request.InstanceId, request.ClientId, request.ClientHost, request.RebalanceMs),
        request.Topics is { } topics ? [.. topics.Order(StringComparer.Ordinal)] : null, found, request.Assignor,
        request.Owned is { } owned ? PartitionSet.Of(owned.Select(one => new TopicPartition(one.TopicId, one.Partition))) : null,
            GroupLimits.ConsumerSessionMs)
    {
        Pattern = request.Pattern,
        Matched = request.Matched is { } matched ? new PatternMatch(matched.Pattern, matched.Topics.ToImmutableSortedSet(StringComparer.Ordinal))
            : null,
    };

    /// <summary>What a member that says what it has is told.</summary>
    /// <param name="answer">The state's answer.</param>
    public static GroupHeartbeatResponse ToResponse(HeartbeatAnswer answer) => new(
        ToError(answer.Refusal), answer.Epoch,
        answer.Assigned is { } assigned ? [.. assigned.Select(one => new GroupPartition(one.TopicId, one.Partition))] : null, answer.IsSettled)
    {
        PatternToMatch = answer.PatternToMatch,
    };

    private static ImmutableArray<AssignedPartition> ToAssignment(GroupState group, PartitionSet partitions) =>
    [
        .. partitions
            .Select(partition => (Partition: partition, Topic: group.FindTopic(partition.TopicId)))
            // A member keeps the partitions of a deleted topic until it polls, but they have no records to read.
            .Where(pair => pair.Topic is not null)
            .OrderBy(pair => pair.Topic!.Name, StringComparer.Ordinal).ThenBy(pair => pair.Partition.Partition)
            .Select(pair => new AssignedPartition(
                pair.Topic!.Name, pair.Partition.TopicId, pair.Partition.Partition, group.FindOffset(pair.Partition)?.Offset ?? -1)
            {
                IsNew = pair.Topic.IsNew(pair.Partition.Partition),
                Holds = [.. group.HoldsOf(pair.Partition).Select(held => new HeldOffset(held.Offset, held.Key, held.Attempt, held.DueMs))],
            }),
    ];
}
