using OrleansStream.Errors;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Randomness;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Serves members of KIP-848's protocol, whose partitions the group assigns. They share the group with those that poll it over REST.
/// </summary>
/// <param name="groups">The groups.</param>
/// <param name="random">Where the ids of members come from.</param>
internal sealed class ConsumerGroupHeartbeatHandler(GroupCoordinator groups, RandomSource random) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => ConsumerGroupHeartbeatRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = ConsumerGroupHeartbeatRequest.Read(call.OpenBody(), call.Version);
        // In version 0 members have no ids of their own before they have joined.
        var member = request.Member.Length == 0 && request.MemberEpoch == 0 ? random.NewId().ToString() : request.Member;
        var answer = Check(request, member) is { } refusal ? Refused(refusal)
            : await GroupCalls.AskAsync(call, request.Group, () => BeatAsync(request, member, call),
                error => new ConsumerGroupHeartbeatAnswer(error, null, member, 0, 0, null));
        answer.Write(call.Answer);
    }

    private static StreamError? Check(ConsumerGroupHeartbeatRequest request, string member) => request switch
    {
        { Topics.Length: > GroupLimits.TopicsPerMemberMax } => new StreamError(
            StreamErrorCode.InvalidRequest, $"A member subscribes to at most {GroupLimits.TopicsPerMemberMax} topics, not {request.Topics.Length}."),
        { MemberEpoch: < -2 } => new StreamError(StreamErrorCode.InvalidRequest, $"There is no member epoch {request.MemberEpoch}."),
        // Members make their ids of random bits, librdkafka with '+' and '/' in them, so they are not held to the rules of REST's.
        _ when member.Length is 0 or > GroupLimits.MemberLengthMax => new StreamError(
            StreamErrorCode.InvalidRequest, $"A member's id has 1 to {GroupLimits.MemberLengthMax} characters, not {member.Length}."),
        _ => null,
    };

    private async Task<ConsumerGroupHeartbeatAnswer> BeatAsync(ConsumerGroupHeartbeatRequest request, string member, KafkaCall call)
    {
        try
        {
            return Tell(request, member, await AskAsync(request, member, call));
        }
        catch (StreamException exception) when (exception.Error.Code is StreamErrorCode.InvalidRegularExpression or StreamErrorCode.PolicyViolation)
        {
            // The text says what is wrong with the expression.
            return Refused(exception.Error);
        }
    }

    private Task<GroupHeartbeatResponse> AskAsync(ConsumerGroupHeartbeatRequest request, string member, KafkaCall call) =>
        groups.HeartbeatAsync(call.Caller, request.Group, new GroupHeartbeatRequest(
            member, request.MemberEpoch, request.InstanceId, GroupCalls.ClientIdOf(call), GroupCalls.HostOf(call), request.RebalanceMs,
            request.Topics is { } topics ? [.. topics] : null, GroupStates.AssignorOf(request.Assignor),
            request.Owned is { } owned ? [.. owned.SelectMany(topic => topic.Partitions.Select(one => new GroupPartition(topic.TopicId, one)))]
                : null)
        {
            Pattern = request.TopicPattern,
        }, call.Closed);

    private static ConsumerGroupHeartbeatAnswer Tell(ConsumerGroupHeartbeatRequest request, string member, GroupHeartbeatResponse told)
    {
        if (told.Error is { } error)
        {
            // Both have a member join again; but @platformatic/kafka takes the first for a passing failure, and would never read again.
            return Refused(error is { Code: StreamErrorCode.UnknownMemberId } && request.MemberEpoch > 0
                ? error with { Code = StreamErrorCode.FencedMemberEpoch } : error);
        }

        var heartbeatMs = told.IsSettled ? GroupLimits.ConsumerHeartbeatMs : GroupLimits.ConsumerHeartbeatMovingMs;
        return new ConsumerGroupHeartbeatAnswer(
            KafkaError.None, null, member, checked((int)told.Epoch), heartbeatMs,
            told.Assigned is { } assigned ? [.. assigned.GroupBy(one => one.TopicId).Select(
                topic => new TopicIdPartitions(topic.Key, [.. topic.Select(one => one.Partition)]))] : null);
    }

    private static ConsumerGroupHeartbeatAnswer Refused(StreamError error) => new(GroupCalls.ErrorOf(error), error.Detail, "", 0, 0, null);
}
