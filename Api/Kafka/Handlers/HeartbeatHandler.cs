using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Takes note that members of the classic protocol live.</summary>
/// <param name="groups">The groups.</param>
internal sealed class HeartbeatHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => HeartbeatRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = HeartbeatRequest.Read(call.OpenBody(), call.Version);
        var claim = new GroupClaim(request.Member, request.InstanceId, request.Generation);
        var error = await GroupCalls.AskAsync(
            call, request.Group, async () => GroupCalls.ErrorOf(await groups.HeartbeatAsync(call.Caller, request.Group, claim, call.Closed)),
            error => error);
        new HeartbeatAnswer(error).Write(call.Answer, call.Version);
    }
}
