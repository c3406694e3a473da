using System.Text.Json.Nodes;
using Confluent.Kafka;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Kafka;

/// <summary>Some records to append to a topic.</summary>
/// <param name="Topic">The topic, of one partition.</param>
/// <param name="Codec">Their compression, as the clients name it.</param>
/// <param name="Records">The records.</param>
internal sealed record KafkaSend(string Topic, string Codec, KafkaRecord[] Records);

/// <summary>A client's library: appends and reads whole topics of one partition.</summary>
internal interface IKafkaProgram
{
    /// <summary>Whether it has a codec where it runs.</summary>
    bool Has(string codec);

    /// <summary>Appends.</summary>
    Task ProduceAsync(string bootstrap, KafkaSend[] sends);

    /// <summary>Reads topics from their start.</summary>
    /// <returns>Per topic its records.</returns>
    Task<KafkaRecord[][]> ReadAsync(string bootstrap, string[] topics, int count);
}

/// <summary>Confluent.Kafka, and with it librdkafka.</summary>
internal sealed class ConfluentProgram : IKafkaProgram
{
    public bool Has(string codec) => true;

    public async Task ProduceAsync(string bootstrap, KafkaSend[] sends)
    {
        foreach (var codec in sends.GroupBy(send => send.Codec))
        {
            using var producer = new ProducerBuilder<byte[]?, byte[]?>(new ProducerConfig
            {
                BootstrapServers = bootstrap, CompressionType = Enum.Parse<CompressionType>(codec.Key, ignoreCase: true), LingerMs = 20,
            }).Build();
            await Task.WhenAll(codec.SelectMany(
                send => send.Records.Select(record => producer.ProduceAsync(new TopicPartition(send.Topic, 0), ToMessage(record)))));
        }
    }

    public Task<KafkaRecord[][]> ReadAsync(string bootstrap, string[] topics, int count) => Task.Run(() =>
    {
        using var consumer = new ConsumerBuilder<byte[]?, byte[]?>(new ConsumerConfig
        {
            BootstrapServers = bootstrap, GroupId = "none", EnableAutoCommit = false, CheckCrcs = true,
        }).Build();
        consumer.Assign(topics.Select(topic => new TopicPartitionOffset(topic, 0, Offset.Beginning)));
        var read = topics.ToDictionary(topic => topic, _ => new List<KafkaRecord>());
        while (read.Values.Any(records => records.Count < count))
        {
            var result = consumer.Consume(TimeSpan.FromSeconds(20)) ?? throw new TimeoutException("Nothing came any more.");
            read[result.Topic].Add(new KafkaRecord(
                result.Message.Key, result.Message.Value, [.. result.Message.Headers.Select(header => (header.Key, header.GetValueBytes()))],
                result.Message.Timestamp.UnixTimestampMs, result.Offset.Value));
        }

        return topics.Select(topic => read[topic].ToArray()).ToArray();
    });

    public static Message<byte[]?, byte[]?> ToMessage(KafkaRecord record)
    {
        var headers = new Headers();
        foreach (var (key, value) in record.Headers)
            headers.Add(key, value);
        return new Message<byte[]?, byte[]?> { Key = record.Key, Value = record.Value, Headers = headers,
            Timestamp = new Timestamp(record.TimestampMs, TimestampType.CreateTime) };
    }
}

/// <summary>A library of Node.js, run as a program of the Foreign folder.</summary>
/// <param name="library">Its name there.</param>
/// <param name="without">The codecs that it lacks where Node.js lacks them.</param>
internal sealed class NodeProgram(string library, params string[] without) : IKafkaProgram
{
    /// <summary>True to read as the one member of a new group, which commits; else partition by partition.</summary>
    public bool ReadsAsMember { get; init; }

    /// <summary>A token of OpenID Connect to sign in by; null for none.</summary>
    public string? Token { get; init; }

    public bool Has(string codec) => !without.Contains(codec);

    public async Task ProduceAsync(string bootstrap, KafkaSend[] sends)
    {
        foreach (var answer in await RunAsync(bootstrap, [.. sends.Select(send => new JsonObject
        {
            ["op"] = "produce", ["topic"] = send.Topic, ["codec"] = send.Codec,
            ["messages"] = new JsonArray([.. send.Records.Select(record => record.ToJson())]),
        })]))
        {
            Assert.True(answer["error"] is null, $"{library}: {answer["error"]}");
        }
    }

    public async Task<KafkaRecord[][]> ReadAsync(string bootstrap, string[] topics, int count)
    {
        if (ReadsAsMember)
            return await ReadAsMemberAsync(bootstrap, topics, count);
        var answers = await RunAsync(bootstrap, [.. topics.Select(topic => new JsonObject
        {
            ["op"] = "read", ["topic"] = topic, ["partition"] = 0, ["offset"] = 0, ["count"] = count,
        })]);
        foreach (var answer in answers)
            Assert.True(answer["error"] is null, $"{library}: {answer["error"]}");
        return [.. answers.Select(answer => answer["messages"]!.AsArray().Select(one => KafkaRecord.FromJson(one!)).ToArray())];
    }

    private async Task<KafkaRecord[][]> ReadAsMemberAsync(string bootstrap, string[] topics, int count)
    {
        var answer = (await RunAsync(bootstrap, new JsonObject
        {
            ["op"] = "readAsMember", ["topics"] = new JsonArray([.. topics.Select(topic => (JsonNode)topic)]),
            ["group"] = $"g-{Guid.NewGuid():N}", ["count"] = count,
        }))[0];
        Assert.True(answer["error"] is null, $"{library}: {answer["error"]}");
        return [.. answer["topics"]!.AsArray().Select(messages => messages!.AsArray().Select(one => KafkaRecord.FromJson(one!)).ToArray())];
    }

    /// <summary>Has the library do some things, one after another.</summary>
    public async Task<JsonNode[]> RunAsync(string bootstrap, params JsonObject[] requests)
    {
        var (_, lines) = await ForeignProgram.RunAsync(
            "kafka-client.cjs", Token is null ? [library, bootstrap] : [library, bootstrap, Token],
            [.. requests.Select(request => request.ToJsonString())]);
        Assert.Equal(requests.Length, lines.Length);
        return [.. lines.Select(line => JsonNode.Parse(line)!)];
    }
}
