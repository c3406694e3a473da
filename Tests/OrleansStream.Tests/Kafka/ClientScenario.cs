using System.Text.Json.Nodes;
using Confluent.Kafka;
using Confluent.Kafka.Admin;

namespace OrleansStream.Tests.Kafka;

/// <summary>What each client's library is made to do, so that it sends every request that it has.</summary>
internal static class ClientScenario
{
    /// <summary>The libraries.</summary>
    public static readonly string[] Clients = ["confluent", "kafkajs", "platformatic"];

    /// <summary>Has a library do all of it.</summary>
    /// <param name="client">The library.</param>
    /// <param name="bootstrap">The broker.</param>
    /// <param name="topic">A topic that there is not.</param>
    public static Task RunAsync(string client, string bootstrap, string topic) => client == "confluent"
        ? RunConfluentAsync(bootstrap, topic)
        : RunNodeAsync(new NodeProgram(client), client, bootstrap, topic);

    private static async Task RunConfluentAsync(string bootstrap, string topic)
    {
        using var admin = new AdminClientBuilder(new AdminClientConfig { BootstrapServers = bootstrap }).Build();
        await admin.CreateTopicsAsync([new TopicSpecification { Name = topic, NumPartitions = 1, ReplicationFactor = 3, Configs = new() { ["min.insync.replicas"] = "2" } }]);
        await admin.CreatePartitionsAsync([new PartitionsSpecification { Topic = topic, IncreaseTo = 2 }]);
        using (var producer = new ProducerBuilder<string, string>(
            new ProducerConfig { BootstrapServers = bootstrap, EnableIdempotence = true }).Build())
        {
            for (var i = 0; i < 5; i++)
                await producer.ProduceAsync(new TopicPartition(topic, 0), new Message<string, string> { Key = "k", Value = $"{i}" });
        }

        using (var consumer = new ConsumerBuilder<string, string>(new ConsumerConfig { BootstrapServers = bootstrap, GroupId = "none", EnableAutoCommit = false }).Build())
        {
            consumer.QueryWatermarkOffsets(new TopicPartition(topic, 0), TimeSpan.FromSeconds(10));
            consumer.OffsetsForTimes([new TopicPartitionTimestamp(topic, 0, new Timestamp(0, TimestampType.CreateTime))], TimeSpan.FromSeconds(10));
            consumer.Assign(new TopicPartitionOffset(topic, 0, 0));
            for (var i = 0; i < 5; i++)
                Assert.Equal($"{i}", consumer.Consume(TimeSpan.FromSeconds(10)).Message.Value);
        }

        var resource = new ConfigResource { Type = ResourceType.Topic, Name = topic };
        await admin.IncrementalAlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>>
        {
            [resource] = [new() { Name = "retention.ms", Value = "86400000", IncrementalOperation = AlterConfigOpType.Set }],
        });
        var described = await admin.DescribeConfigsAsync([resource]);
        Assert.Equal("86400000", described[0].Entries["retention.ms"].Value);
        await admin.AlterConfigsAsync(new Dictionary<ConfigResource, List<ConfigEntry>> { [resource] = [new() { Name = "segment.bytes", Value = "1048576" }] });
        described = await admin.DescribeConfigsAsync([resource]);
        Assert.Equal(("604800000", "1048576"), (described[0].Entries["retention.ms"].Value, described[0].Entries["segment.bytes"].Value));
        await admin.DeleteRecordsAsync([new TopicPartitionOffset(topic, 0, 3)]);
        Assert.NotEmpty((await admin.DescribeClusterAsync()).Nodes);
        Assert.Equal(2, (await admin.DescribeTopicsAsync(TopicCollection.OfTopicNames([topic]))).TopicDescriptions[0].Partitions.Count);
        await admin.ListOffsetsAsync(
            [new TopicPartitionOffsetSpec { TopicPartition = new TopicPartition(topic, 0), OffsetSpec = OffsetSpec.Earliest() }]);
        await admin.DeleteTopicsAsync([topic]);
        await ChangeRightsAsync(admin, topic);
    }

    private static async Task ChangeRightsAsync(IAdminClient admin, string topic)
    {
        await admin.CreateAclsAsync(
        [
            new AclBinding
            {
                Pattern = new ResourcePattern { Type = ResourceType.Topic, Name = topic, ResourcePatternType = ResourcePatternType.Literal },
                Entry = new AccessControlEntry
                {
                    Principal = "User:key:anna", Host = "*", Operation = AclOperation.Read, PermissionType = AclPermissionType.Allow,
                },
            },
        ]);
        var filter = new AclBindingFilter
        {
            PatternFilter = new ResourcePatternFilter { Type = ResourceType.Topic, Name = topic, ResourcePatternType = ResourcePatternType.Match },
            EntryFilter = new AccessControlEntryFilter { Operation = AclOperation.Any, PermissionType = AclPermissionType.Any },
        };
        Assert.Single((await admin.DescribeAclsAsync(filter)).AclBindings);
        Assert.Single((await admin.DeleteAclsAsync([filter])).Single().AclBindings);
    }

    private static async Task RunNodeAsync(NodeProgram program, string client, string bootstrap, string topic)
    {
        var isKafkaJs = client == "kafkajs";
        JsonObject Admin(string method, string argument) => new() { ["op"] = "admin", ["method"] = method, ["argument"] = JsonNode.Parse(argument) };
        JsonObject[] requests =
        [
            isKafkaJs
                ? Admin("createTopics", $$"""{"topics":[{"topic":"{{topic}}","numPartitions":1,"replicationFactor":3,"configEntries":[{"name":"min.insync.replicas","value":"2"}]}]}""")
                : Admin("createTopics", $$"""{"topics":["{{topic}}"],"partitions":1,"replicas":3,"configs":[{"name":"min.insync.replicas","value":"2"}]}"""),
            new()
            {
                ["op"] = "produce", ["topic"] = topic, ["codec"] = "none", ["idempotent"] = true,
                ["messages"] = new JsonArray(KafkaRecord.Of("k", "v", 1_780_000_000_000).ToJson()),
            },
            new() { ["op"] = "read", ["topic"] = topic, ["partition"] = 0, ["offset"] = 0, ["count"] = 1 },
            new() { ["op"] = "offsets", ["topic"] = topic },
            .. isKafkaJs
                ? (JsonObject[])
                [
                    Admin("createPartitions", $$"""{"topicPartitions":[{"topic":"{{topic}}","count":2}]}"""),
                    Admin("describeConfigs", $$"""{"resources":[{"type":2,"name":"{{topic}}"}]}"""),
                    Admin("alterConfigs", $$"""{"resources":[{"type":2,"name":"{{topic}}","configEntries":[{"name":"retention.ms","value":"86400000"}]}]}"""),
                    Admin("deleteTopicRecords", $$"""{"topic":"{{topic}}","partitions":[{"partition":0,"offset":"1"}]}"""),
                    Admin("describeCluster", "{}"),
                    Admin("deleteTopics", $$"""{"topics":["{{topic}}"]}"""),
                    Admin("createAcls", $$$"""{"acl":[{"resourceType":2,"resourceName":"{{{topic}}}","resourcePatternType":3,"principal":"User:key:anna","host":"*","operation":3,"permissionType":3}]}"""),
                    Admin("describeAcls", $$"""{"resourceType":2,"resourceName":"{{topic}}","resourcePatternType":2,"operation":1,"permissionType":1}"""),
                    Admin("deleteAcls", $$$"""{"filters":[{"resourceType":2,"resourceName":"{{{topic}}}","resourcePatternType":2,"operation":1,"permissionType":1}]}"""),
                ]
                :
                [
                    Admin("deleteTopics", $$"""{"topics":["{{topic}}"]}"""),
                    Admin("createAcls", $$$"""{"creations":[{"resourceType":2,"resourceName":"{{{topic}}}","resourcePatternType":3,"principal":"User:key:anna","host":"*","operation":3,"permissionType":3}]}"""),
                    Admin("describeAcls", $$$"""{"filter":{"resourceType":2,"resourceName":"{{{topic}}}","resourcePatternType":2,"principal":null,"host":null,"operation":1,"permissionType":1}}"""),
                    Admin("deleteAcls", $$$"""{"filters":[{"resourceType":2,"resourceName":"{{{topic}}}","resourcePatternType":2,"principal":null,"host":null,"operation":1,"permissionType":1}]}"""),
                ],
        ];
        var answers = await program.RunAsync(bootstrap, requests);
        for (var i = 0; i < answers.Length; i++)
            Assert.True(answers[i]["error"] is null, $"{client} {requests[i].ToJsonString()}: {answers[i]["error"]}");
    }
}
