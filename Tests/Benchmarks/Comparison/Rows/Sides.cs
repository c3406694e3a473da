using System.Globalization;
using System.Text.Json.Nodes;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;

namespace OrleansStream.Comparison.Rows;

/// <summary>What a producer sends to the service.</summary>
/// <param name="ContentType">The body's media type.</param>
/// <param name="Body">The body.</param>
/// <param name="Records">The records in it.</param>
/// <param name="Bytes">Their values' bytes.</param>
internal sealed record ProduceLoad(string ContentType, byte[] Body, int Records, long Bytes)
{
    /// <summary>Further header lines of the requests, each ended by CR LF.</summary>
    public string Headers { get; init; } = "";

    /// <summary>True for encoded batches, which have one result for all their records.</summary>
    public bool IsEncoded => ContentType != "application/json";

    /// <summary>JSON records.</summary>
    /// <param name="value">Each record's value.</param>
    /// <param name="isText">True for texts, false for JSON values.</param>
    /// <param name="count">How many.</param>
    /// <param name="acks"><c>"all"</c> or 1, as JSON.</param>
    public static ProduceLoad Json(byte[] value, bool isText, int count, string acks = "\"all\"") =>
        new("application/json", SampleRecords.JsonBody(value, isText, count, acks), count, (long)count * value.Length);

    /// <summary>One encoded batch.</summary>
    /// <param name="value">Each record's value.</param>
    /// <param name="count">How many.</param>
    public static ProduceLoad Encoded(byte[] value, int count) =>
        new("application/vnd.kafka.recordbatch.v2", SampleRecords.Batch(value, count), count, (long)count * value.Length);
}

/// <summary>The sides that several rows compare.</summary>
internal static class Sides
{
    /// <summary>The connections that drive Redis in its own benchmark.</summary>
    public const int RedisConnections = 50;

    private static int _topics;

    /// <summary>Produces to a new topic of the service, and checks that it holds what was acknowledged.</summary>
    /// <param name="service">The service.</param>
    /// <param name="load">What is sent.</param>
    /// <param name="connections">By how many connections.</param>
    /// <param name="duration">How long.</param>
    /// <param name="partitions">The topic's partitions.</param>
    public static async Task<LoadResult> ProduceAsync(
        Service service, ProduceLoad load, int connections, TimeSpan duration, int partitions = 1)
    {
        var topic = string.Create(CultureInfo.InvariantCulture, $"load-{Interlocked.Increment(ref _topics)}");
        await service.CreateTopicAsync(topic, partitions);
        var result = Load.Run(Plan(service, topic, load, connections) with { Duration = duration });
        var stored = await service.CountRecordsAsync(topic);
        // With acks 1 the last ones may still be on their way to the disk; none may be missing when all are durable.
        if (stored != result.Records && !load.Body.AsSpan().StartsWith("{\"acks\":1"u8))
            throw new UnexpectedAnswerException($"{result.Records} records were acknowledged, {stored} are stored.");
        await service.DeleteTopicAsync(topic);
        return result;
    }

    /// <summary>Load on a topic that exists.</summary>
    /// <param name="service">The service.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="load">What is sent.</param>
    /// <param name="connections">By how many connections.</param>
    /// <param name="partition">The partition; null lets the service choose.</param>
    public static LoadPlan Plan(Service service, string topic, ProduceLoad load, int connections, int? partition = null)
    {
        var path = load.IsEncoded || partition is not null
            ? $"/v1/topics/{topic}/partitions/{partition ?? 0}/records"
            : $"/v1/topics/{topic}/records";
        var request = new RepeatedRequest(HttpRequests.Post(path, load.ContentType, load.Body, load.Headers), 1);
        return new LoadPlan(service.Port, connections, 1, _ => load.IsEncoded
            ? ProduceExchange.OfBatches(request, load.Records, load.Bytes)
            : ProduceExchange.OfRecords(request, load.Records, load.Bytes))
        {
            Driven = service.Process,
            DrivenAllocated = () => service.AllocatedBytes,
        };
    }

    /// <summary>Sends the same to a Kestrel that only reads.</summary>
    /// <param name="bare">The process and its port.</param>
    /// <param name="path">What it does with the body.</param>
    /// <param name="load">What is sent.</param>
    /// <param name="connections">By how many connections.</param>
    /// <param name="duration">How long.</param>
    public static LoadResult Read((ChildProcess Process, int Port) bare, string path, ProduceLoad load, int connections, TimeSpan duration)
    {
        var request = new RepeatedRequest(HttpRequests.Post(path, load.ContentType, load.Body), 1);
        return Load.Run(new LoadPlan(bare.Port, connections, 1, _ => ProduceExchange.OfAnything(request, load.Records, load.Bytes))
        {
            Duration = duration,
            Driven = bare.Process,
        });
    }

    /// <summary>Appends to a Redis stream, checks that it holds what was acknowledged, and drops it.</summary>
    /// <param name="redis">The server.</param>
    /// <param name="value">The value.</param>
    /// <param name="connections">By how many connections.</param>
    /// <param name="pipeline">The commands without a reply that each may have.</param>
    /// <param name="duration">How long.</param>
    public static LoadResult Append(RedisServer redis, byte[] value, int connections, int pipeline, TimeSpan duration)
    {
        const string stream = "load";
        var request = new RepeatedRequest(RespRequests.Append(stream, value), pipeline);
        var result = Load.Run(
            new LoadPlan(redis.Port, connections, pipeline, _ => new RedisAppendExchange(request, value.Length))
            {
                Duration = duration,
                Driven = redis.Process,
            });
        var stored = redis.Run("XLEN", stream);
        redis.Run("DEL", stream);
        return stored == result.Records
            ? result
            : throw new UnexpectedAnswerException($"{result.Records} entries were acknowledged, {stored} are stored.");
    }

    /// <summary>Publishes to a JetStream stream on files, and checks that it holds what was acknowledged.</summary>
    /// <param name="nats">The server.</param>
    /// <param name="value">The message.</param>
    /// <param name="duration">How long.</param>
    public static LoadResult Publish(NatsServer nats, byte[] value, TimeSpan duration)
    {
        const int connections = 4;
        const int window = 250;
        nats.Ask("STREAM.CREATE.load", """{"name":"load","subjects":["load"],"storage":"file","retention":"limits","num_replicas":1}""");
        var result = Load.Run(
            new LoadPlan(nats.Port, connections, window, number => new NatsPublishExchange("load", value, number, window))
            {
                Duration = duration,
                Driven = nats.Process,
            });
        var stored = (long)JsonNode.Parse(nats.Ask("STREAM.INFO.load", ""))!["state"]!["messages"]!;
        nats.Ask("STREAM.DELETE.load", "");
        return stored == result.Records
            ? result
            : throw new UnexpectedAnswerException($"{result.Records} messages were acknowledged, {stored} are stored.");
    }
}
