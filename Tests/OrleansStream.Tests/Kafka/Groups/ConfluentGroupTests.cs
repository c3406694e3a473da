using System.Net.Http.Json;
using Confluent.Kafka;
using Confluent.Kafka.Admin;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Groups;

/// <summary>Consumers of Confluent's (librdkafka) share a topic, by the classic protocol and by KIP-848's.</summary>
[Collection(KafkaGroupTests.Name)]
public sealed class ConfluentGroupTests(GroupService service)
{
    private const int Partitions = 4, Records = 5;

    [Theory]
    [InlineData(PartitionAssignmentStrategy.Range)]
    [InlineData(PartitionAssignmentStrategy.CooperativeSticky)]
    public async Task Classic_WhenMembersComeAndGo_SharesThePartitions(PartitionAssignmentStrategy strategy)
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        var config = service.Consumer(group);
        config.PartitionAssignmentStrategy = strategy;
        await using var first = new GroupReader(config, topic);
        await GroupReader.HaveAsync([first], 4);
        await GroupReader.ReadAsync([first], Partitions * Records);
        await using var second = new GroupReader(config, topic);
        await GroupReader.HaveAsync([first, second], 2, 2);
        Assert.Empty(first.Assigned.Intersect(second.Assigned));
        if (strategy == PartitionAssignmentStrategy.CooperativeSticky)
            Assert.DoesNotContain("-[0,1,2,3]", first.Events);

        var described = await service.GetAsync($"/v1/groups/{group}");
        Assert.Equal("stable", (string?)described["state"]);
        Assert.Equal([2, 2], described["members"]!.AsArray().Select(member => member!["assignment"]!.AsArray().Sum(topic => topic!["partitions"]!.AsArray().Count)));
        await service.ProduceAsync(topic, Partitions, Records, from: Records);
        await GroupReader.ReadAsync([first, second], 2 * Partitions * Records);

        await first.DisposeAsync();
        await GroupReader.HaveAsync([second], 4);
        await second.DisposeAsync();
        // Each record once: nobody read what another had committed.
        var read = first.Values.Concat(second.Values).ToArray();
        Assert.Equal(2 * Partitions * Records, read.Distinct().Count());
        Assert.Equal(read.Length, read.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, Partitions).ToDictionary(p => p, _ => 2L * Records), await service.OffsetsAsync(group));
        Assert.Equal(0, (int)(await service.GetAsync($"/v1/groups/{group}/lag"))["lag"]!);
    }

    [Fact]
    public async Task Classic_WhenAMemberDies_GivesItsPartitionsAwayAfterItsSession()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        var config = service.Consumer(group);
        config.SessionTimeoutMs = 2_000;
        await using var first = new GroupReader(config, topic);
        await using var second = new GroupReader(service.Consumer(group), topic);
        await GroupReader.HaveAsync([first, second], 2, 2);
        await first.KillAsync();
        await GroupReader.HaveAsync([second], 4);
        await GroupReader.ReadAsync([first, second], Partitions * Records);
    }

    /// <summary>KIP-345: a program with an instance id that restarts costs the others nothing.</summary>
    [Fact]
    public async Task Classic_WhenAStaticMemberRestarts_MovesNothing()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        var config = service.Consumer(group);
        config.GroupInstanceId = "one";
        await using var others = new GroupReader(service.Consumer(group), topic);
        await using var before = new GroupReader(config, topic);
        await GroupReader.HaveAsync([others, before], 2, 2);
        var (had, events) = (before.Assigned, others.Events);
        // A static member says nothing when it closes.
        await before.DisposeAsync();
        await using var after = new GroupReader(config, topic);
        await GroupReader.HaveAsync([after], 2);
        Assert.Equal(had, after.Assigned);
        Assert.Equal(events, others.Events);
    }

    /// <summary>Generation, members and assignment are stored, so whoever takes the group over goes on with them.</summary>
    [Theory]
    [InlineData(GroupProtocol.Classic)]
    [InlineData(GroupProtocol.Consumer)]
    public async Task Members_WhenTheirCoordinatorDies_ReadOnWithoutARejoin(GroupProtocol protocol)
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        await using var first = new GroupReader(service.Consumer(group, protocol), topic);
        await using var second = new GroupReader(service.Consumer(group, protocol), topic);
        await GroupReader.HaveAsync([first, second], 2, 2);
        await GroupReader.ReadAsync([first, second], Partitions * Records);
        var (epoch, events) = ((long)(await service.GetAsync($"/v1/groups/{group}"))["group_epoch"]!, (first.Events, second.Events));
        await service.MoveAsync(group);
        await service.ProduceAsync(topic, Partitions, Records, from: Records);
        await GroupReader.ReadAsync([first, second], 2 * Partitions * Records);
        await Wait.UntilAsync("all is committed", async () => (await service.OffsetsAsync(group)).Values.All(offset => offset == 2 * Records));
        Assert.Equal(events, (first.Events, second.Events));
        Assert.Equal(epoch, (long)(await service.GetAsync($"/v1/groups/{group}"))["group_epoch"]!);
    }

    [Fact]
    public async Task Classic_AfterAResetOverRest_ReadsAgain()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        await using (var reader = new GroupReader(service.Consumer(group), topic))
        {
            await GroupReader.ReadAsync([reader], Partitions * Records);
            using var refused = await service.Rest.PostAsJsonAsync($"/v1/groups/{group}/offsets/reset", new { topics = new[] { topic }, to = "earliest" });
            Assert.Equal("NON_EMPTY_GROUP", (string?)(await refused.Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonNode>())!["error_code"]);
        }

        (await service.Rest.PostAsJsonAsync($"/v1/groups/{group}/offsets/reset", new { topics = new[] { topic }, to = "offset", offset = Records - 1 })).EnsureSuccessStatusCode();
        await using var again = new GroupReader(service.Consumer(group), topic);
        await GroupReader.ReadAsync([again], Partitions);
        Assert.Equal(Enumerable.Range(0, Partitions).Select(p => $"{p}/{Records - 1}"), again.Values.Order());
        await again.DisposeAsync();
        (await service.Rest.DeleteAsync($"/v1/groups/{group}")).EnsureSuccessStatusCode();
    }

    [Fact]
    public async Task Classic_WhileMembersPollOverRest_IsRefused()
    {
        var (topic, group) = (await service.CreateTopicAsync(1, 1), GroupService.NewGroup());
        (await service.Rest.PostAsJsonAsync($"/v1/groups/{group}/members/anna/poll", new { topics = new[] { topic } })).EnsureSuccessStatusCode();
        await using var reader = new GroupReader(service.Consumer(group), topic);
        await Wait.UntilAsync("it is told", () => Task.FromResult(reader.Events.Contains("InconsistentGroupProtocol", StringComparison.Ordinal)));
        Assert.Empty(reader.Values);

        await using var other = new GroupReader(service.Consumer($"{group}-other"), topic);
        await GroupReader.HaveAsync([other], 1);
        using var refused = await service.Rest.PostAsJsonAsync($"/v1/groups/{group}-other/members/anna/poll", new { topics = new[] { topic } });
        Assert.Equal(409, (int)refused.StatusCode);
        Assert.Equal("INCONSISTENT_GROUP_PROTOCOL", (string?)(await refused.Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonNode>())!["error_code"]);
    }

    /// <summary>A Kafka consumer and a REST poller in one group share its partitions, and each goes on where the other was.</summary>
    [Fact]
    public async Task Consumer_BesideARestPoller_SharesTheGroup()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        await using var reader = new GroupReader(service.Consumer(group, GroupProtocol.Consumer), topic);
        await GroupReader.HaveAsync([reader], 4);
        await GroupReader.ReadAsync([reader], Partitions * Records);

        string? cursor = null;
        var polled = new List<string>();
        var partitions = 0;
        await Wait.UntilAsync("both have two partitions", async () =>
        {
            using var answer = await service.Rest.PostAsJsonAsync($"/v1/groups/{group}/members/anna/poll", new { topics = new[] { topic }, cursor, wait_ms = 100 });
            var body = (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<System.Text.Json.Nodes.JsonNode>())!;
            cursor = (string?)body["cursor"];
            polled.AddRange(body["records"]!.AsArray().Select(record => (string)record!["value"]!));
            partitions = body["assignment"]!.AsArray().Sum(one => one!["partitions"]!.AsArray().Count);
            return partitions == 2 && reader.Assigned.Length == 2;
        });
        Assert.Empty(polled);
        var members = (await service.GetAsync($"/v1/groups/{group}"))["members"]!.AsArray();
        Assert.Equal(2, members.Count);
        Assert.Contains(members, member => (string?)member!["member"] == "anna");

        (await service.Rest.DeleteAsync($"/v1/groups/{group}/members/anna")).EnsureSuccessStatusCode();
        await GroupReader.HaveAsync([reader], 4);
        await service.ProduceAsync(topic, Partitions, Records, from: Records);
        await GroupReader.ReadAsync([reader], 2 * Partitions * Records);
        await reader.DisposeAsync();
        Assert.Equal(2 * Partitions * Records, reader.Values.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, Partitions).ToDictionary(p => p, _ => 2L * Records), await service.OffsetsAsync(group));
    }

    [Fact]
    public async Task Consumer_WhenMembersComeAndGo_SharesThePartitions()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        var config = service.Consumer(group, GroupProtocol.Consumer);
        await using var first = new GroupReader(config, topic);
        await GroupReader.ReadAsync([first], Partitions * Records);
        await using var second = new GroupReader(config, topic);
        await GroupReader.HaveAsync([first, second], 2, 2);
        using (var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = service.Bootstrap }).Build())
        {
            var described = Assert.Single((await admin.DescribeConsumerGroupsAsync([group])).ConsumerGroupDescriptions);
            Assert.Equal("uniform", described.PartitionAssignor);
            Assert.Equal([2, 2], described.Members.Select(member => member.Assignment.TopicPartitions.Count));
        }

        await first.DisposeAsync();
        await GroupReader.HaveAsync([second], 4);
        Assert.Empty(second.Values);
    }

    /// <summary>
    /// The group resolves the expression (KIP-848), of whole names, and again when topics change: also after its coordinator has died, which knows
    /// only what is stored.
    /// </summary>
    [Fact]
    public async Task Consumer_ThatSubscribesToAnExpression_ReadsTopicsAsTheyCome()
    {
        var (prefix, group) = ($"p{Guid.NewGuid():N}", GroupService.NewGroup());
        await service.CreateTopicAsync(1, Records, $"{prefix}-a");
        await service.CreateTopicAsync(1, Records, $"x{prefix}-b");
        await using var reader = new GroupReader(service.Consumer(group, GroupProtocol.Consumer), $"^{prefix}-.*");
        await GroupReader.ReadAsync([reader], Records);

        await service.CreateTopicAsync(1, Records, $"{prefix}-c");
        await GroupReader.ReadAsync([reader], 2 * Records);
        var member = Assert.Single((await service.GetAsync($"/v1/groups/{group}"))["members"]!.AsArray());
        Assert.Equal([$"{prefix}-a", $"{prefix}-c"], member!["topics"]!.AsArray().Select(topic => (string)topic!));

        await service.MoveAsync(group);
        await service.CreateTopicAsync(1, Records, $"{prefix}-d");
        await GroupReader.ReadAsync([reader], 3 * Records);
        (await service.Rest.DeleteAsync($"/v1/topics/{prefix}-c")).EnsureSuccessStatusCode();
        await Wait.UntilAsync("it no longer reads the deleted topic", async () =>
            (await service.GetAsync($"/v1/groups/{group}"))["members"]![0]!["topics"]!.AsArray().Count == 2);
        Assert.DoesNotContain("error", reader.Events, StringComparison.Ordinal);
        Assert.Equal(3 * Records, reader.Values.Length);
    }

    /// <summary>librdkafka itself takes these for expressions, and RE2 does not.</summary>
    [Theory]
    [InlineData("^a{1,1001}")]
    [InlineData(@"^(a)\1")]
    public async Task Consumer_ThatSubscribesToWhatIsNoExpression_IsTold(string pattern)
    {
        var group = GroupService.NewGroup();
        await using var reader = new GroupReader(service.Consumer(group, GroupProtocol.Consumer), pattern);
        await Wait.UntilAsync("it is told", () => Task.FromResult(reader.Events.Contains("error", StringComparison.Ordinal)));
        TestContext.Current.TestOutputHelper!.WriteLine(reader.Events);
        Assert.Empty(reader.Values);
        Assert.Equal(404, (int)(await service.Rest.GetAsync($"/v1/groups/{group}")).StatusCode);
    }

    /// <summary>Programs name their groups as they like.</summary>
    [Fact]
    public async Task Classic_WithAnyName_ReadsAndCommits()
    {
        var (topic, group) = (await service.CreateTopicAsync(1, Records), $"Jürgen's team/a b:$1 {Guid.NewGuid()}");
        await using (var reader = new GroupReader(service.Consumer(group), topic))
            await GroupReader.ReadAsync([reader], Records);
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = service.Bootstrap }).Build();
        var offsets = (await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, null)])).Single().Partitions;
        Assert.Equal(Records, Assert.Single(offsets).Offset);
        Assert.Contains((await service.GetAsync("/v1/groups?limit=1000"))["groups"]!.AsArray(), one => (string?)one!["group"] == group);
    }

    /// <summary>What administrators of Kafka's do with a group.</summary>
    [Fact]
    public async Task Admin_ListsDescribesAltersAndDeletesGroups()
    {
        var (topic, group) = (await service.CreateTopicAsync(Partitions, Records), GroupService.NewGroup());
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = service.Bootstrap }).Build();
        await using (var reader = new GroupReader(service.Consumer(group), topic))
        {
            await GroupReader.ReadAsync([reader], Partitions * Records);
            var listed = await admin.ListConsumerGroupsAsync();
            Assert.Equal(ConsumerGroupState.Stable, Assert.Single(listed.Valid, one => one.GroupId == group).State);
            var described = Assert.Single((await admin.DescribeConsumerGroupsAsync([group])).ConsumerGroupDescriptions);
            Assert.Equal("range", described.PartitionAssignor);
            Assert.Equal(Partitions, Assert.Single(described.Members).Assignment.TopicPartitions.Count);
            await Assert.ThrowsAsync<DeleteGroupsException>(() => admin.DeleteGroupsAsync([group]));
        }

        var offsets = (await admin.ListConsumerGroupOffsetsAsync([new ConsumerGroupTopicPartitions(group, null)])).Single().Partitions;
        Assert.Equal(Partitions, offsets.Count(one => one.Offset == Records));
        await admin.AlterConsumerGroupOffsetsAsync(
            [new ConsumerGroupTopicPartitionOffsets(group, [new TopicPartitionOffset(topic, 0, 2), new TopicPartitionOffset(topic, 1, 1_000)])]);
        // Beyond the end, and back.
        Assert.Equal((2L, 1_000L), ((await service.OffsetsAsync(group))[0], (await service.OffsetsAsync(group))[1]));
        await admin.DeleteConsumerGroupOffsetsAsync(group, [new TopicPartition(topic, 1)]);
        Assert.False((await service.OffsetsAsync(group)).ContainsKey(1));
        await admin.DeleteGroupsAsync([group]);
        Assert.Equal(404, (int)(await service.Rest.GetAsync($"/v1/groups/{group}")).StatusCode);
    }
}
