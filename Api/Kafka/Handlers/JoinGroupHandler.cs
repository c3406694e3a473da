using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Randomness;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Has members of the classic protocol join their group's next generation. The answer comes when that begins.</summary>
/// <param name="groups">The groups.</param>
/// <param name="random">Where the ids of members come from.</param>
internal sealed class JoinGroupHandler(GroupCoordinator groups, RandomSource random) : IRequestHandler
{
    // The first version whose clients come in two steps, and the first whose leaders may be told to skip the assignment.
    private const short TwoSteps = 4, SkippedAssignment = 9;

    /// <inheritdoc/>
    public ApiRange Api => JoinGroupRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = JoinGroupRequest.Read(call.OpenBody(), call.Version);
        var answer = await GroupCalls.AskAsync(
            call, request.Group, () => JoinAsync(request, call), error => new JoinGroupAnswer(error, request.Member));
        answer.Write(call.Answer, call.Version);
    }

    private async Task<JoinGroupAnswer> JoinAsync(JoinGroupRequest request, KafkaCall call)
    {
        // What members tell each other is kept for as long as they are in the group, and the request is not: its bytes are used again.
        var wish = new ClassicJoinRequest(
            request.Member, GroupCalls.NewMember(call, request.InstanceId, random), request.InstanceId, GroupCalls.ClientIdOf(call),
            GroupCalls.HostOf(call),
            request.SessionMs, request.RebalanceMs, request.ProtocolType,
            [.. request.Protocols.Select(protocol => new AssignorOffer(protocol.Name, protocol.Metadata.ToArray()))])
        {
            RequiresId = call.Version >= TwoSteps,
            MaySkipAssignment = call.Version >= SkippedAssignment,
        };
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Closed, call.Connection.Stopping);
        var told = await groups.JoinAsync(call.Caller, request.Group, wish, ended.Token);
        return new JoinGroupAnswer(GroupCalls.ErrorOf(told.Error), told.Member)
        {
            Generation = told.Generation,
            ProtocolType = told.ProtocolType,
            Protocol = told.Assignor,
            Leader = told.Leader,
            SkipAssignment = told.SkipAssignment,
            Members = [.. told.Members.Select(member => new JoinGroupMember(member.Member, member.InstanceId, member.Metadata))],
        };
    }
}
