using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells members of the classic protocol what they read. The answer comes when the generation's leader has said so.</summary>
/// <param name="groups">The groups.</param>
internal sealed class SyncGroupHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => SyncGroupRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = SyncGroupRequest.Read(call.OpenBody(), call.Version);
        var answer = await GroupCalls.AskAsync(
            call, request.Group, () => SyncAsync(request, call), error => new SyncGroupAnswer(error, null, null, default));
        answer.Write(call.Answer, call.Version);
    }

    private async Task<SyncGroupAnswer> SyncAsync(SyncGroupRequest request, KafkaCall call)
    {
        // The group keeps them, and the request's bytes are used again.
        var wish = new ClassicSyncRequest(
            new GroupClaim(request.Member, request.InstanceId, request.Generation), request.ProtocolType, request.Protocol,
            [.. request.Assignments.Select(one => new ClassicAssignment(one.Member, one.Assignment.ToArray()))]);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Closed, call.Connection.Stopping);
        var told = await groups.SyncAsync(call.Caller, request.Group, wish, ended.Token);
        return new SyncGroupAnswer(GroupCalls.ErrorOf(told.Error), told.ProtocolType, told.Assignor, told.Assignment);
    }
}
