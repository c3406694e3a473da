using System.Text.Json.Nodes;
using Confluent.Kafka;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Wire;
using OrleansStream.Tests.Kafka.Groups;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Kafka.Traps;

/// <summary>What the clients of Node.js do, kafkajs and @platformatic/kafka.</summary>
[Collection(KafkaTrapTests.Name)]
public sealed class NodeTrapTests(TrapService service)
{
    private const string KafkaJsConsumer = "kafkajs-consumer.cjs";

    /// <summary>The codes that say "try again"; each client repeats each of them.</summary>
    private static readonly KafkaError[] Repeated = [.. Enum.GetValues<KafkaError>().Where(KafkaErrors.IsRepeated)];

    public static TheoryData<string> Libraries => ["kafkajs", "platformatic"];

    /// <summary>kafkajs compares times as texts, and so writes a latest time into its batch that is too low.</summary>
    [Fact]
    public async Task KafkaJs_OfTimesOfOtherLengths_IsFoundByItsLatestTime()
    {
        const long early = 999_999_999_999, late = 1_000_000_000_000;
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        await ProduceAsync("kafkajs", proxy, topic, idempotent: false, KafkaRecord.Of(null, "early", early), KafkaRecord.Of(null, "late", late));
        using var consumer = TrapService.Consume(proxy, topic, Offset.Beginning);
        var asked = new TopicPartitionTimestamp(topic, 0, new Timestamp(late, TimestampType.CreateTime));
        var found = consumer.OffsetsForTimes([asked], TimeSpan.FromSeconds(20));

        Assert.Equal(early, Assert.Single(TrapService.BatchesOf(proxy)).MaxTimestamp);
        Assert.Equal(1, found[0].Offset.Value);
    }

    [Theory, MemberData(nameof(Libraries))]
    public async Task Fetch_OfABatchLargerThanWhatIsAskedFor_GetsItWhole(string library)
    {
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, new string('v', 500_000), "behind it");
        await using var proxy = service.OpenProxy();

        var answer = (await new NodeProgram(library).RunAsync(proxy.Bootstrap, new JsonObject
        {
            ["op"] = "read", ["topic"] = topic, ["partition"] = 0, ["offset"] = 0, ["count"] = 2, ["maxBytes"] = 1_024,
        }))[0];

        Assert.True(answer["error"] is null, $"{answer["error"]}");
        Assert.Equal([1_000_000, 18], answer["messages"]!.AsArray().Select(message => ((string)message!["value"]!).Length));
    }

    /// <summary>An answer is lost: kafkajs sends the batch again, and takes DUPLICATE_SEQUENCE_NUMBER for a failure.</summary>
    [Theory, MemberData(nameof(Libraries))]
    public async Task Produce_WhenItsAnswerIsLost_IsStoredOnceAndASuccess(string library)
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        proxy.LoseAnswerOnce(ApiKey.Produce);

        var offsets = await ProduceAsync(library, proxy, topic, idempotent: true, KafkaRecord.Of(null, "a", TestBatch.TimestampMs));

        Assert.Equal([0], offsets);
        Assert.Equal(["a"], await service.ValuesOfAsync(topic));
        Assert.Equal([0, 0], TrapService.BatchesOf(proxy).Select(batch => batch.BaseSequence));
    }

    /// <summary>kafkajs goes on in the versions that it found first, whatever it is told behind a reconnect.</summary>
    [Fact]
    public async Task KafkaJs_WhenItsConnectionEnds_GoesOnInTheSameVersions()
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        proxy.CutOnce(ApiKey.Produce);

        await ProduceAsync("kafkajs", proxy, topic, idempotent: false, KafkaRecord.Of(null, "a", TestBatch.TimestampMs));

        Assert.Equal(["a"], await service.ValuesOfAsync(topic));
        Assert.Equal(2, proxy.CountOf(ApiKey.Produce));
        Assert.Equal([7, 7], proxy.RequestsOf(ApiKey.Produce).Select(frame => (int)frame.Version));
    }

    /// <summary>What is to be tried again is told by codes that every client repeats; at any other one the record would be lost.</summary>
    [Theory]
    [InlineData("confluent")]
    [MemberData(nameof(Libraries))]
    public async Task Produce_WhenToldToTryAgain_IsRepeated(string library)
    {
        var topic = await service.Api.CreateTopicAsync();
        await using var proxy = service.OpenProxy();
        var requests = 0;
        proxy.OnRequest = request =>
        {
            if (request.Key != ApiKey.Produce)
                return new(FrameFate.Passes);
            var number = requests++;
            return number % 2 == 0 && number / 2 < Repeated.Length ? ProduceFrame.FailAsync(request, Repeated[number / 2]) : new(FrameFate.Passes);
        };
        string[] values = [.. Repeated.Select(error => $"{error}")];
        if (library == "confluent")
        {
            using var producer = TrapService.Produce(proxy);
            foreach (var value in values)
                await producer.ProduceAsync(topic, new Message<byte[]?, string> { Value = value });
        }
        else
        {
            var sends = values.Select(value => Request(topic, idempotent: false, KafkaRecord.Of(null, value, TestBatch.TimestampMs)));
            var answers = await new NodeProgram(library).RunAsync(proxy.Bootstrap, [.. sends]);
            Assert.All(answers.Zip(values), answer => Assert.True(answer.First["error"] is null, $"{answer.Second}: {answer.First["error"]}"));
        }

        Assert.Equal(values, await service.ValuesOfAsync(topic));
        Assert.Equal(2 * values.Length, requests);
    }

    /// <summary>An empty batch at the end, such as a fence, would have kafkajs ask for it again without a pause.</summary>
    [Fact]
    public async Task KafkaJs_BehindTheFencesOfSeveralLeaders_WaitsForTheNextRecord()
    {
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, "a");
        await service.MoveAsync(topic);
        await service.MoveAsync(topic);
        await using var proxy = service.OpenProxy();
        await using var consumer = new NodeConsumer(KafkaJsConsumer, proxy.Bootstrap, topic, GroupService.NewGroup());
        await consumer.UntilAsync("it has read the record", one => one.Values.Length == 1);
        var before = proxy.CountOf(ApiKey.Fetch);
        await Wait.UntilAsync("it asks for more", () => proxy.CountOf(ApiKey.Fetch) > before + 6);

        // It is told to wait 200 ms: not more than 12 in 2 s.
        TimeSpan[] pauses = [.. TrapService.PausesOf(proxy, ApiKey.Fetch, from: before)];
        Assert.True(pauses.Average(pause => pause.TotalSeconds) >= 2.0 / 12, string.Join(", ", pauses));
        Assert.True(pauses.Min() < TimeSpan.FromSeconds(1), string.Join(", ", pauses));
        await service.ProduceAsync(topic, "b");
        await consumer.UntilAsync("it has read the next one", one => one.Values.SequenceEqual(["a", "b"]));
    }

    /// <summary>
    /// An error on a fetch is told by a code that kafkajs repeats, and only after a pause: it would ask a hundred times a second, or end for good.
    /// </summary>
    [Fact]
    public async Task KafkaJs_WhenItsTopicIsDeletedAndThereAgain_GoesOn()
    {
        var topic = await service.Api.CreateTopicAsync();
        await service.ProduceAsync(topic, "a");
        await using var proxy = service.OpenProxy();
        await using var consumer = new NodeConsumer(KafkaJsConsumer, proxy.Bootstrap, topic, GroupService.NewGroup());
        await consumer.UntilAsync("it has read the record", one => one.Values.Length == 1);
        (await service.Api.Client.DeleteAsync($"/v1/topics/{topic}")).EnsureSuccessStatusCode();
        var before = proxy.CountOf(ApiKey.Fetch);
        await Wait.UntilAsync("it asks again", () => proxy.CountOf(ApiKey.Fetch) > before + 3);

        // Not more than 20 in 2 s.
        TimeSpan[] pauses = [.. TrapService.PausesOf(proxy, ApiKey.Fetch, from: before)];
        Assert.True(pauses.Average(pause => pause.TotalSeconds) >= 2.0 / 20, string.Join(", ", pauses));
        using var made = await service.Api.Client.PutAsync($"/v1/topics/{topic}", Support.Services.ApiFixture.Json("""{"partitions":1}"""));
        await service.ProduceAsync(topic, "b", "c", "d");
        await consumer.UntilAsync("it reads on", one => one.Values.Contains("d"));
    }

    private static JsonObject Request(string topic, bool idempotent, params KafkaRecord[] records) => new()
    {
        ["op"] = "produce", ["topic"] = topic, ["codec"] = "none", ["idempotent"] = idempotent,
        ["messages"] = new JsonArray([.. records.Select(record => record.ToJson())]),
    };

    private static async Task<long[]> ProduceAsync(string library, FrameProxy proxy, string topic, bool idempotent, params KafkaRecord[] records)
    {
        var answer = (await new NodeProgram(library).RunAsync(proxy.Bootstrap, Request(topic, idempotent, records)))[0];
        Assert.True(answer["error"] is null, $"{library}: {answer["error"]}");
        return [.. answer["offsets"]!.AsArray().Select(offset => (long)offset![1]!)];
    }
}
