using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Groups;
using OrleansStream.Producers;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Groups;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>Callers who name producers that are not theirs, on every way in: nobody else is disturbed.</summary>
[Collection(ApiTests.Name)]
public sealed class InventedProducerTests(ApiFixture api)
{

    // By headers with each body, and inside batches.
    private static readonly string[] Ways =
    [
        "json", "ndjson", "text", "octets", "batch", "json acks 0", "json acks 1", "batch inside", "batch inside acks 0", "batch inside to topic",
        "batch inside with key", "second batch inside",
    ];

    [Fact]
    public async Task Produce_UnderAnyProducerThatACallerInvents_DisturbsNoOtherProducer()
    {
        var topic = await api.CreateTopicAsync();
        var given = (long)(await api.PostAsync("/v1/producers", "", status: 201))["producer_id"]!;
        await OthersProduceAsync(topic);
        // What any reader sees: the service's own ids.
        var seen = await ProducersInAsync(topic);
        Assert.Equal([ProducerIdKind.Service], seen.Select(ProducerIdRanges.KindOf).Distinct());

        var anyId = Gen.OneOf(
            Gen.Long[0, long.MaxValue],
            Gen.Select(
                OneOf<long>([0, ProducerIdRanges.ClientMin, given, given + ProducerLimits.IdsPerBlock, ProducerIdRanges.ServiceMin,
                    ProducerIdRanges.DerivedMin, .. seen]),
                Gen.Int[-2, 2], (bound, distance) => Math.Max(0, bound + distance)),
            OneOf(seen), OneOf(long.MaxValue - 1, long.MaxValue, given));
        var anyEpoch = Gen.OneOf(OneOf(0, 1, short.MaxValue - 1, short.MaxValue), Gen.Int[0, 5], Gen.Int[0, short.MaxValue]);
        var anySequence = Gen.OneOf(OneOf(0, 0, 1, int.MaxValue), Gen.Int[0, int.MaxValue]);
        await Gen.Select(anyId, anyEpoch, anySequence, OneOf(Ways)).SampleAsync(
            async (id, epoch, sequence, way) =>
            {
                (var status, var code) = await SendAsync(topic, 0, id, epoch, sequence, way);
                // Of a block the service may have given out more than this test took.
                var mayBeGiven = ProducerIdRanges.KindOf(id) == ProducerIdKind.Client && id < given + (3 * ProducerLimits.IdsPerBlock);
                if (mayBeGiven)
                    Assert.True(status is 200 or 202 || (status == 409 && code is not null), $"{status} {code}");
                else
                    Assert.Equal((409, "UNKNOWN_PRODUCER_ID"), (status, code));
                await OthersProduceAsync(topic);
            },
            iter: 150, threads: 1);
    }

    [Fact]
    public async Task Failed_WhenSomebodyForgedItsCopyOnAnyWay_IsStoredAllTheSame()
    {
        var topic = await api.CreateTopicAsync();
        var client = new RetryClient(api, $"g{Guid.NewGuid():N}", topic);
        await client.SetPolicyAsync("""{"max_attempts":2,"backoff_ms":[3600000]}""");
        var id = Guid.Parse((string)(await api.GetAsync($"/v1/topics/{topic}"))["id"]!);
        var retries = RetryTopics.RetryOf(topic, client.Group);
        await client.ProduceAsync(["first", .. Ways]);
        var deliveries = await client.PollUntilAsync(Ways.Length + 1);
        await client.PollAsync((deliveries[0], "makes the topic"));

        foreach (var (delivery, way) in deliveries.Skip(1).Zip(Ways))
        {
            var identity = $"{client.Group}\n{id:N}/0/{delivery.Offset}/1";
            var derived = ProducerIdRanges.Derive(SHA256.HashData(Encoding.UTF8.GetBytes(identity)));
            Assert.Equal((409, "UNKNOWN_PRODUCER_ID"), await SendAsync(retries, 0, derived, epoch: 0, sequence: 0, way));
        }

        await client.PollAsync([.. deliveries.Skip(1).Select(delivery => (delivery, "failed"))]);
        var kept = await ReadAsync(retries, deliveries.Count);
        Assert.Equal(
            string.Join('\n', deliveries.Select(delivery => $"{delivery.Value} {delivery.Offset}").Order(StringComparer.Ordinal)),
            string.Join('\n', kept.Order(StringComparer.Ordinal)));
        // That these are the ids which copies have: without it nothing was forged.
        Assert.Contains(
            ProducerIdRanges.Derive(SHA256.HashData(Encoding.UTF8.GetBytes($"{client.Group}\n{id:N}/0/1/1"))), await ProducersInAsync(retries));
    }

    [Theory]
    [InlineData("json", "Producer-Id")]
    [InlineData("batch inside", null)]
    public async Task Produce_UnderAnIdThatWasNotGivenOut_SaysHowToGetOne(string way, string? field)
    {
        using var request = Request(await api.CreateTopicAsync(), 0, 7, epoch: 0, sequence: 0, way);
        using var response = await api.SendAsync(request);
        var problem = JsonNode.Parse(await ApiFixture.TextAsync(response))!;
        Assert.Equal(("UNKNOWN_PRODUCER_ID", field, false), ((string?)problem["error_code"], (string?)problem["field"], (bool)problem["retriable"]!));
        Assert.Contains("POST /v1/producers", (string?)problem["detail"], StringComparison.Ordinal);
    }

    // Kafka's clients raise their epoch by themselves.
    [Fact]
    public async Task Produce_UnderAHigherEpochOfAGivenId_BeginsAtSequenceZero()
    {
        var topic = await api.CreateTopicAsync();
        var id = (long)(await api.PostAsync("/v1/producers", "", status: 201))["producer_id"]!;
        foreach (var way in (string[])["json", "batch inside"])
        {
            var epoch = way == "json" ? 0 : 10;
            Assert.Equal(200, (await SendAsync(topic, 0, id, epoch, 0, way)).Status);
            Assert.Equal((409, "OUT_OF_ORDER_SEQUENCE_NUMBER"), await SendAsync(topic, 0, id, epoch + 1, 1, way));
            Assert.Equal(200, (await SendAsync(topic, 0, id, epoch + 1, 0, way)).Status);
            Assert.Equal((409, "INVALID_PRODUCER_EPOCH"), await SendAsync(topic, 0, id, epoch, 1, way));
        }
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private async Task OthersProduceAsync(string topic)
    {
        foreach (var hasKey in (bool[])[false, true])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/topics/{topic}/partitions/0/records")
            {
                Content = ApiFixture.Json("""{"records":[{"value":"ordinary"}]}"""),
            };
            if (hasKey)
                request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
            using var response = await api.SendAsync(request);
            Assert.True((int)response.StatusCode == 200, await ApiFixture.TextAsync(response));
        }
    }

    private async Task<string[]> ReadAsync(string retries, int count)
    {
        var found = new List<string>();
        JsonNode read;
        do
        {
            read = await api.GetAsync($"/v1/topics/{retries}/partitions/0/records?offset={found.Count}");
            found.AddRange(read["records"]!.AsArray().Select(record => $"{record!["value"]} {RetryClient.HeaderOf(record, "retry.offset")}"));
        }
        while ((long)read["next_offset"]! < (long)read["high_watermark"]!);
        Assert.Equal(count, found.Count);
        return [.. found];
    }

    private async Task<(int Status, string? Code)> SendAsync(string topic, int partition, long id, int epoch, int sequence, string way)
    {
        using var request = Request(topic, partition, id, epoch, sequence, way);
        using var response = await api.SendAsync(request);
        var text = await ApiFixture.TextAsync(response);
        return ((int)response.StatusCode, response.IsSuccessStatusCode ? null : (string?)JsonNode.Parse(text)!["error_code"]);
    }

    private static HttpRequestMessage Request(string topic, int partition, long id, int epoch, int sequence, string way)
    {
        var isInside = way.Contains("inside", StringComparison.Ordinal);
        var request = new HttpRequestMessage(
            HttpMethod.Post,
            way.EndsWith("to topic", StringComparison.Ordinal) ? $"/v1/topics/{topic}/records" : $"/v1/topics/{topic}/partitions/{partition}/records");
        if (!isInside)
        {
            request.Headers.Add("Producer-Id", $"{id}");
            request.Headers.Add("Producer-Epoch", $"{epoch}");
            request.Headers.Add("Producer-Sequence", $"{sequence}");
        }

        if (way.EndsWith("with key", StringComparison.Ordinal))
            request.Headers.Add("Idempotency-Key", Guid.NewGuid().ToString());
        if (way == "batch inside acks 0")
            request.Headers.Add("Acks", "0");
        var named = Encoded();
        RecordBatchHeader.StampProducer(named, id, (short)epoch, sequence);
        var next = Encoded();
        RecordBatchHeader.StampProducer(next, id, (short)epoch, RecordBatchHeader.SequenceAfter(sequence, 1));
        request.Content = way switch
        {
            "ndjson" => ApiFixture.Body("{\"value\":\"evil\"}\n"u8.ToArray(), "application/x-ndjson"),
            "text" => ApiFixture.Body("evil"u8.ToArray(), "text/plain"),
            "octets" => ApiFixture.Body("evil"u8.ToArray(), "application/octet-stream"),
            "batch" => ApiFixture.Body(Encoded(), BodyKinds.Batch),
            "second batch inside" => ApiFixture.Body([.. named, .. next], BodyKinds.Batch),
            "json acks 0" => ApiFixture.Json("""{"records":[{"value":"evil"}],"acks":0}"""),
            "json acks 1" => ApiFixture.Json("""{"records":[{"value":"evil"}],"acks":1}"""),
            _ when isInside => ApiFixture.Body(named, BodyKinds.Batch),
            _ => ApiFixture.Json("""{"records":[{"value":"evil"}]}"""),
        };
        return request;
    }

    private static byte[] Encoded()
    {
        using var writer = new RecordBatchWriter();
        writer.Append(1_000_000, default, hasKey: false, "evil"u8, hasValue: true);
        writer.Finish();
        return writer.ToArray();
    }

    private async Task<long[]> ProducersInAsync(string topic)
    {
        var ids = new List<long>();
        long next = 0;
        long end;
        do
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/partitions/0/records?offset={next}");
            request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue(BodyKinds.Batch));
            using var response = await api.SendAsync(request);
            var batches = await response.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            var scanner = new RecordBatchScanner(batches);
            while (scanner.MoveNext())
                ids.Add(scanner.Header.ProducerId);
            next = long.Parse(response.Headers.GetValues("Next-Offset").Single(), CultureInfo.InvariantCulture);
            end = long.Parse(response.Headers.GetValues("High-Watermark").Single(), CultureInfo.InvariantCulture);
        }
        while (next < end);
        return [.. ids.Distinct()];
    }
}
