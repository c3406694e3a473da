using System.Collections.Immutable;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Describes groups that assign partitions themselves, whether their members poll over REST or come by KIP-848's protocol.</summary>
/// <param name="groups">The groups.</param>
internal sealed class ConsumerGroupDescribeHandler(GroupCoordinator groups) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => ConsumerGroupDescribeRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = ConsumerGroupDescribeRequest.Read(call.OpenBody());
        var described = new DescribedConsumerGroup[request.Groups.Length];
        for (var i = 0; i < described.Length; i++)
        {
            var name = request.Groups[i];
            described[i] = await GroupCalls.AskAsync(
                call, name, async () => Describe(name, await groups.FindAsync(call.Caller, name, call.Closed)), error => new DescribedConsumerGroup(error, name, "", 0, "", []));
        }

        new ConsumerGroupDescribeAnswer(described).Write(call.Answer, call.Version);
    }

    private static DescribedConsumerGroup Describe(string name, GroupDescription? group) => group is null or { IsClassic: true }
        ? new DescribedConsumerGroup(KafkaError.GroupIdNotFound, name, "", 0, "", [])
        : new DescribedConsumerGroup(KafkaError.None, name, GroupStates.Of(group), Epoch(group.GroupEpoch), GroupStates.NameOf(group.Assignor),
            [.. group.Members.Select(one => new DescribedConsumer(
            one.Member, one.InstanceId, Epoch(one.Epoch), one.ClientId ?? "", one.ClientHost ?? "", one.Topics, one.Pattern, ByTopic(one.Assigned), ByTopic(one.Target)))]);

    private static NamedTopicPartitions[] ByTopic(ImmutableArray<AssignedPartition> partitions) => [.. partitions
        .GroupBy(one => (one.TopicId, one.Topic)).Select(
            topic => new NamedTopicPartitions(topic.Key.TopicId, topic.Key.Topic, [.. topic.Select(one => one.Partition)]))];

    private static int Epoch(long epoch) => (int)Math.Min(epoch, int.MaxValue);
}
