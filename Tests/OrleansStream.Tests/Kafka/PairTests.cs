using System.Text;
using System.Text.Json.Nodes;

namespace OrleansStream.Tests.Kafka;

/// <summary>What one client produces every other reads as it was, REST among them: keys and values that are null and empty, headers, times.</summary>
[Collection(KafkaTests.Name)]
public sealed class PairTests(KafkaFixture kafka)
{
    private const long TimeMs = 1_780_000_000_000;

    private static readonly string[] Codecs = ["none", "gzip", "snappy", "lz4", "zstd"];

    // Node.js has zstd from version 22.15 on; an older one is told apart by asking it.
    private static readonly (string Name, IKafkaProgram Program)[] Programs =
    [
        ("confluent", new ConfluentProgram()), ("kafkajs", new NodeProgram("kafkajs")), ("platformatic", new NodeProgram("platformatic", "zstd")),
    ];

    // The two libraries of Node.js read as members of groups, too, by code of theirs that reading a partition does not use.
    private static readonly (string Name, IKafkaProgram Program)[] Readers =
    [
        .. Programs, ("a group of kafkajs", new NodeProgram("kafkajs") { ReadsAsMember = true }),
        ("a group of platformatic", new NodeProgram("platformatic", "zstd") { ReadsAsMember = true }),
    ];

    // The second is dated before the first: kafkajs then writes the wrong latest time.
    private static readonly KafkaRecord[] Records =
    [
        KafkaRecord.Of("key", "{\"event\":\"goal\"}", TimeMs, ("source", "stadium"), ("empty", "")),
        KafkaRecord.Of(null, "no key", TimeMs - 900),
        KafkaRecord.Of("", "empty key", TimeMs + 5),
        KafkaRecord.Of("empty value", "", TimeMs),
        KafkaRecord.Of("tombstone", null, TimeMs + 10),
        KafkaRecord.Of("long", new string('x', 5_000), TimeMs + 11),
    ];

    [Fact]
    public async Task ProducedByOne_IsReadByAll()
    {
        var topics = new List<(string Producer, string Codec, string Topic)>();
        foreach (var (name, program) in Programs)
        {
            foreach (var codec in Codecs.Where(program.Has))
                topics.Add((name, codec, await kafka.Api.CreateTopicAsync()));
        }

        var rest = await kafka.Api.CreateTopicAsync();
        await ProduceByRestAsync(rest);
        foreach (var (name, program) in Programs)
        {
            await program.ProduceAsync(
                kafka.Bootstrap, [.. topics.Where(one => one.Producer == name).Select(one => new KafkaSend(one.Topic, one.Codec, Records))]);
        }

        var expected = Records.Select((record, offset) => (record with { Offset = offset }).ToString()).ToArray();
        topics.Add(("rest", "none", rest));
        foreach (var (name, program) in Readers)
        {
            var readable = topics.Where(one => program.Has(one.Codec)).ToArray();
            var read = await program.ReadAsync(kafka.Bootstrap, [.. readable.Select(one => one.Topic)], Records.Length);
            for (var i = 0; i < readable.Length; i++)
            {
                Assert.True(expected.SequenceEqual(read[i].Select(record => record.ToString())),
                    Difference(readable[i].Producer, readable[i].Codec, name, expected, read[i]));
            }
        }

        foreach (var (producer, codec, topic) in topics)
        {
            var read = await ReadByRestAsync(topic);
            Assert.True(expected.SequenceEqual(read.Select(record => record.ToString())), Difference(producer, codec, "rest", expected, read));
        }
    }

    private static string Difference(string producer, string codec, string reader, string[] expected, KafkaRecord[] read) =>
        $"{producer} with {codec}, read by {reader}:\n{string.Join('\n', read.Select(record => record.ToString()))}\ninstead of\n{string.Join('\n', expected)}";

    private async Task ProduceByRestAsync(string topic)
    {
        var records = new JsonArray([.. Records.Select(record => new JsonObject
        {
            ["key"] = record.Key is null ? null : Convert.ToBase64String(record.Key), ["value"] = record.Value is null ? null : Convert.ToBase64String(record.Value),
            ["timestamp"] = record.TimestampMs,
            ["headers"] = new JsonArray([.. record.Headers.Select(header => new JsonObject { ["key"] = header.Key, ["value"] = Encoding.UTF8.GetString(header.Value) })]),
        })]);
        await kafka.Api.PostAsync($"/v1/topics/{topic}/records", new JsonObject { ["records"] = records, ["key_type"] = "binary", ["value_type"] = "binary" }.ToJsonString());
    }

    private async Task<KafkaRecord[]> ReadByRestAsync(string topic)
    {
        var answer = await kafka.Api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=0&key_as=binary&value_as=binary");
        return [.. answer["records"]!.AsArray().Select(record => new KafkaRecord(
            record!["key"] is { } key ? Convert.FromBase64String((string)key!) : null,
            record["value"] is { } value ? Convert.FromBase64String((string)value!) : null,
            [.. (record["headers"]?.AsArray() ?? []).Select(header => ((string)header!["key"]!, Encoding.UTF8.GetBytes((string)header["value"]!)))],
            DateTimeOffset.Parse((string)record["timestamp"]!, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds(), (long)record["offset"]!))];
    }
}
