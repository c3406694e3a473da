using System.Text.Json.Nodes;
using Confluent.Kafka;

namespace OrleansStream.Tests.Kafka;

/// <summary>Which partition each client puts a key in: with the settings that the endpoint's README names, the one in which REST puts it.</summary>
[Collection(KafkaTests.Name)]
public sealed class PartitionerTests(KafkaFixture kafka)
{
    private static readonly string[] Keys = [.. Enumerable.Range(0, 60).Select(i => $"match-{i * 7919}")];

    [Theory]
    [InlineData("confluent, murmur2_random", 12, true)]
    [InlineData("confluent", 12, false)]
    [InlineData("kafkajs", 12, true)]
    // Its murmur2 is not masked to 31 bits. Among a power of two partitions that makes no difference.
    [InlineData("platformatic", 8, true)]
    [InlineData("platformatic", 12, false)]
    public async Task Keys_AreWhereRestPutsThem(string client, int partitions, bool agrees)
    {
        var (rest, other) = (await kafka.Api.CreateTopicAsync(partitions), await kafka.Api.CreateTopicAsync(partitions));
        var records = new JsonArray([.. Keys.Select(key => new JsonObject { ["key"] = key, ["value"] = "v" })]);
        var body = new JsonObject { ["records"] = records, ["key_type"] = "string", ["value_type"] = "string" };
        await kafka.Api.PostAsync($"/v1/topics/{rest}/records", body.ToJsonString());
        await (client.StartsWith("confluent", StringComparison.Ordinal) ? ProduceByConfluentAsync(client, other) : ProduceByNodeAsync(client, other));

        var (expected, found) = (await PlacesAsync(rest, partitions), await PlacesAsync(other, partitions));

        Assert.Equal(Keys.Order(), found.Keys.Order());
        Assert.Equal(agrees, Keys.All(key => expected[key] == found[key]));
    }

    private async Task ProduceByConfluentAsync(string client, string topic)
    {
        var config = new ProducerConfig { BootstrapServers = kafka.Bootstrap };
        if (client.Contains("murmur2", StringComparison.Ordinal))
            config.Partitioner = Partitioner.Murmur2Random;
        using var producer = new ProducerBuilder<string, string>(config).Build();
        await Task.WhenAll(Keys.Select(key => producer.ProduceAsync(topic, new Message<string, string> { Key = key, Value = "v" })));
    }

    private async Task ProduceByNodeAsync(string client, string topic)
    {
        var answer = (await new NodeProgram(client).RunAsync(kafka.Bootstrap, new JsonObject
        {
            ["op"] = "produce", ["topic"] = topic, ["codec"] = "none",
            ["messages"] = new JsonArray([.. Keys.Select(key => KafkaRecord.Of(key, "v", Support.TestBatch.TimestampMs).ToJson(partition: null))]),
        }))[0];
        Assert.True(answer["error"] is null, $"{answer["error"]}");
    }

    private async Task<Dictionary<string, int>> PlacesAsync(string topic, int partitions)
    {
        var places = new Dictionary<string, int>();
        for (var partition = 0; partition < partitions; partition++)
        {
            var answer = await kafka.Api.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records?offset=0&key_as=string&value_as=string");
            foreach (var record in answer["records"]!.AsArray())
                places.Add((string)record!["key"]!, partition);
        }

        return places;
    }
}
