using OrleansStream.Gateway.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Deletes groups without members, and their offsets.</summary>
/// <param name="groups">The groups.</param>
internal sealed class DeleteGroupsHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DeleteGroupsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DeleteGroupsRequest.Read(call.OpenBody());
        var errors = new KafkaError[request.Groups.Length];
        for (var i = 0; i < errors.Length; i++)
        {
            var group = request.Groups[i];
            errors[i] = await GroupCalls.AskAsync(call, group, async () =>
            {
                await groups.DeleteAsync(call.Caller, group, call.Closed);
                return KafkaError.None;
            }, error => error);
        }

        new DeleteGroupsAnswer(request, errors).Write(call.Answer);
    }
}
