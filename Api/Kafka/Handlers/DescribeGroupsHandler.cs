using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Describes groups. A group whose partitions the group itself assigns is described like one of consumers that assign among themselves, so that a
/// client of old sees who reads what.
/// </summary>
/// <param name="groups">The groups.</param>
internal sealed class DescribeGroupsHandler(GroupCoordinator groups) : IRequestHandler
{
    // What Kafka says of a group that there is not.
    private const string Dead = "Dead";

    /// <inheritdoc/>
    public ApiRange Api => DescribeGroupsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DescribeGroupsRequest.Read(call.OpenBody(), call.Version);
        var described = new DescribedGroup[request.Groups.Length];
        for (var i = 0; i < described.Length; i++)
        {
            var name = request.Groups[i];
            described[i] = await GroupCalls.AskAsync(
                call, name, async () => Describe(name, await groups.FindAsync(call.Caller, name, call.Closed)), error => new DescribedGroup(error, name, "", "", "", []));
        }

        new DescribeGroupsAnswer(described).Write(call.Answer, call.Version);
    }

    private static DescribedGroup Describe(string name, GroupDescription? group) => group switch
    {
        null => new DescribedGroup(KafkaError.None, name, Dead, "", "", []),
        { IsClassic: true, Classic: { } classic } => new DescribedGroup(
            KafkaError.None, name, GroupStates.Of(group), classic.ProtocolType ?? "", classic.Assignor ?? "",
            [.. classic.Members.Select(
                one => new DescribedGroupMember(one.Member, one.InstanceId, one.ClientId, one.ClientHost, one.Metadata, one.Assignment))]),
        _ => new DescribedGroup(
            KafkaError.None, name, GroupStates.OfClassic(group), ConsumerProtocol.Type, group.Members.IsEmpty ? "" : GroupStates.NameOf(group.Assignor),
            [.. group.Members.Select(one => new DescribedGroupMember(
                one.Member, one.InstanceId, one.ClientId ?? "", one.ClientHost ?? "", ConsumerProtocol.WriteSubscription(one.Topics),
                ConsumerProtocol.WriteAssignment(one.Assigned.Select(partition => (partition.Topic, partition.Partition)))))]),
    };
}
