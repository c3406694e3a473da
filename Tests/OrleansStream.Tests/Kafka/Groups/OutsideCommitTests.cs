using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Groups;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>
/// Commits of Kafka's clients that are no members of the group. They would go past the epochs and partitions of the members that it has.
/// </summary>
[Collection(KafkaGroupTests.Name)]
public sealed class OutsideCommitTests(GroupService service)
{
    private readonly string _group = GroupService.NewGroup();

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public async Task Commit_WhileAMemberPolls_IsRefused(int offset)
    {
        var topic = await service.CreateTopicAsync(partitions: 1, recordsPerPartition: 5);
        var joined = await PollAsync(topic, cursor: null);
        await PollAsync(topic, (string?)joined["cursor"], maxRecords: 0);
        var offsets = await service.OffsetsAsync(_group);
        Assert.Equal(3, offsets[0]);

        // librdkafka says that it is nobody, of generation -1.
        using var consumer = new ConsumerBuilder<string, string>(service.Consumer(_group)).Build();
        var place = new TopicPartitionOffset(topic, 0, offset);
        consumer.Assign(place);
        var refused = Assert.ThrowsAny<KafkaException>(() => consumer.Commit([place]));
        Assert.Equal(Confluent.Kafka.ErrorCode.UnknownMemberId, refused.Error.Code);
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = service.Bootstrap }).Build();
        ConsumerGroupTopicPartitionOffsets[] altered = [new(_group, [place])];
        var all = await Assert.ThrowsAsync<AlterConsumerGroupOffsetsException>(() => admin.AlterConsumerGroupOffsetsAsync(altered));
        Assert.Equal(Confluent.Kafka.ErrorCode.UnknownMemberId, Assert.Single(Assert.Single(all.Results).Partitions).Error.Code);
        // A member that polls has no words in Kafka's protocol, not under its own name either.
        foreach (var member in (string[])["anna", "nobody"])
            Assert.Equal(StreamErrorCode.UnknownMemberId, (await CommitAsync(member, topic, offset)).Error?.Code);
        Assert.Equal(offsets, await service.OffsetsAsync(_group));

        (await service.Rest.DeleteAsync($"/v1/groups/{_group}/members/anna")).EnsureSuccessStatusCode();
        consumer.Commit([place]);
        Assert.Equal(offset, (await service.OffsetsAsync(_group))[0]);
        await admin.AlterConsumerGroupOffsetsAsync([new(_group, [new TopicPartitionOffset(topic, 0, 2)])]);
        Assert.Equal(2, (await service.OffsetsAsync(_group))[0]);
    }

    private Task<GroupCommitResponse> CommitAsync(string member, string topic, int offset) => service.NewCoordinator().CommitAsync(
        Caller.Anonymous, _group, new GroupClaim(member, InstanceId: null, Generation: -1),
        [new NamedPartitionOffset(topic, 0, offset, Metadata: null)], TestContext.Current.CancellationToken);

    private async Task<JsonNode> PollAsync(string topic, string? cursor, int maxRecords = 3)
    {
        using var answer = await service.Rest.PostAsJsonAsync(
            $"/v1/groups/{_group}/members/anna/poll", new { topics = new[] { topic }, cursor, max_records = maxRecords });
        return (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonNode>())!;
    }
}
