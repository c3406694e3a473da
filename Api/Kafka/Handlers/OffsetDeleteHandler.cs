using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Has groups forget offsets of topics that no member reads.</summary>
/// <param name="groups">The groups.</param>
internal sealed class OffsetDeleteHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => OffsetDeleteRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = OffsetDeleteRequest.Read(call.OpenBody());
        var answer = await GroupCalls.AskAsync(
            call, request.Group, () => ForgetAsync(request, call), error => new OffsetDeleteAnswer(request, error, []));
        answer.Write(call.Answer);
    }

    private async Task<OffsetDeleteAnswer> ForgetAsync(OffsetDeleteRequest request, KafkaCall call)
    {
        var told = await groups.ForgetAsync(
            call.Caller, request.Group, [.. request.Topics.SelectMany(
                topic => topic.Partitions.Select(one => new NamedPartitionOffset(topic.Name, one, Offset: -1, Metadata: null)))], call.Closed);
        return new OffsetDeleteAnswer(request, GroupCalls.ErrorOf(told.Error), [.. told.Errors.Select(GroupCalls.ErrorOf)]);
    }
}
