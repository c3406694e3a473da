using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Takes members of the classic protocol out of their group.</summary>
/// <param name="groups">The groups.</param>
internal sealed class LeaveGroupHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => LeaveGroupRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = LeaveGroupRequest.Read(call.OpenBody(), call.Version);
        var answer = await GroupCalls.AskAsync(
            call, request.Group, () => LeaveAsync(request, call), error => new LeaveGroupAnswer(request, error, []));
        answer.Write(call.Answer, call.Version);
    }

    private async Task<LeaveGroupAnswer> LeaveAsync(LeaveGroupRequest request, KafkaCall call)
    {
        var errors = await groups.LeaveAsync(
            call.Caller, request.Group, [.. request.Members.Select(one => new GroupLeaver(one.Member, one.InstanceId))], call.Closed);
        return new LeaveGroupAnswer(request, KafkaError.None, [.. errors.Select(GroupCalls.ErrorOf)]);
    }
}
