namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>Consumers in Node.js, of kafkajs and of @platformatic/kafka, share a topic with each other and commit.</summary>
[Collection(KafkaGroupTests.Name)]
public sealed class NodeGroupTests(GroupService service)
{
    private const int Partitions = 4, Records = 5;
    private const string KafkaJs = "kafkajs-consumer.cjs", Platformatic = "platformatic-consumer.mjs";

    [Theory]
    [InlineData(KafkaJs)]
    [InlineData(Platformatic, "classic")]
    [InlineData(Platformatic, "consumer")]
    public async Task Members_ComeAndGoAndGoOnWhereTheGroupIs(string script, params string[] protocol)
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        await using var first = new NodeConsumer(script, [service.Bootstrap, topic, group, .. protocol]);
        await first.UntilAsync("it has read all", one => one.Values.Length >= Partitions * Records);
        await first.UntilAsync("it has all partitions", one => one.Assigned.SequenceEqual([0, 1, 2, 3]));
        await using var second = new NodeConsumer(script, [service.Bootstrap, topic, group, .. protocol]);
        await second.UntilAsync("both have two partitions", one => one.Assigned.Length == 2 && first.Assigned.Length == 2);
        Assert.Empty(first.Assigned.Intersect(second.Assigned));
        await first.StopAsync();
        await second.UntilAsync("it has all partitions", one => one.Assigned.Length == 4);
        await service.ProduceAsync(topic, Partitions, Records, from: Records);
        await second.UntilAsync("all is read", one => first.Values.Concat(one.Values).Distinct().Count() == 2 * Partitions * Records);
        await second.StopAsync();

        Assert.Equal(Enumerable.Range(0, Partitions).ToDictionary(p => p, _ => 2L * Records), await service.OffsetsAsync(group));
        Assert.Equal("empty", (string?)(await service.GetAsync($"/v1/groups/{group}"))["state"]);
    }

    /// <summary>kafkajs commits -2 and -1 when it resets offsets, and dies for good when that is refused.</summary>
    [Fact]
    public async Task KafkaJs_ThatResetsOffsets_ReadsFromTheStart()
    {
        var (topic, group) = (await service.CreateTopicAsync(1, Records), GroupService.NewGroup());
        await using (var first = new NodeConsumer(KafkaJs, service.Bootstrap, topic, group))
        {
            await first.UntilAsync("it has read all", one => one.Values.Length >= Records);
            await first.StopAsync();
        }

        Assert.Equal(Records, (await service.OffsetsAsync(group))[0]);
        await using var again = new NodeConsumer(KafkaJs, service.Bootstrap, topic, group, "reset");
        await again.UntilAsync("it has read all again", one => one.Values.Length >= Records);
        await again.StopAsync();
        var told = again.All.First(line => line["offsets"] is not null)["offsets"]![0]!["partitions"]![0]!["offset"];
        Assert.Equal("-1", (string?)told);
    }
}
