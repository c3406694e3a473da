using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Lists groups. Each is asked what it is doing only where the version tells it.</summary>
/// <param name="groups">The groups.</param>
internal sealed class ListGroupsHandler(GroupCoordinator groups) : IRequestHandler
{
    private const short WithStates = 4;

    /// <inheritdoc/>
    public ApiRange Api => ListGroupsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = ListGroupsRequest.Read(call.OpenBody(), call.Version);
        var answer = await GroupCalls.AskAsync(
            call, "all", () => ListAsync(request, call), error => new ListGroupsAnswer(error, []));
        answer.Write(call.Answer, call.Version);
    }

    private async Task<ListGroupsAnswer> ListAsync(ListGroupsRequest request, KafkaCall call)
    {
        var names = await groups.ListAsync(call.Caller, call.Closed);
        if (call.Version < WithStates)
            return new ListGroupsAnswer(KafkaError.None, [.. names.Select(name => new ListedGroup(name, ConsumerProtocol.Type, "", ""))]);
        var listed = new List<ListedGroup>(names.Count);
        foreach (var some in names.Chunk(HandlerLimits.ListedGroupsAtOnce))
        {
            var found = await Task.WhenAll(some.Select(name => groups.FindAsync(call.Caller, name, call.Closed)));
            listed.AddRange(some.Zip(found).Where(pair => pair.Second is not null).Select(pair => new ListedGroup(
                pair.First, pair.Second!.Classic?.ProtocolType ?? ConsumerProtocol.Type, GroupStates.Of(pair.Second),
                GroupStates.TypeOf(pair.Second))));
        }

        return new ListGroupsAnswer(
            KafkaError.None, [.. listed.Where(group => Passes(request.States, group.State) && Passes(request.Types, group.Type))]);
    }

    private static bool Passes(string[] wanted, string value) => wanted.Length == 0 || wanted.Contains(value, StringComparer.OrdinalIgnoreCase);
}
