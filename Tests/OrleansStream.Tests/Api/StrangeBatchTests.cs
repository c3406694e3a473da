using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Tests.Api.Bodies;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Api;

/// <summary>A batch that cannot be opened, between records that are as they should be: every way to read tells of it and goes on.</summary>
public abstract class StrangeBatchTests(ApiFixture api, PollForm form)
{

    // A poll that does not wait leaves out a partition that does not answer in a moment.
    private const int WaitMs = 20_000;

    public static TheoryData<CompressionType, bool> Kinds => new()
    {
        { CompressionType.Gzip, true }, { CompressionType.Zstd, true }, { CompressionType.Lz4, true },
        { CompressionType.None, false }, { CompressionType.Gzip, false }, { CompressionType.Snappy, false }, { CompressionType.Lz4, false },
        { CompressionType.Zstd, false },
    };

    [Theory, MemberData(nameof(Kinds))]
    public async Task Read_ByAnyWay_ShowsItOnceAndGoesOnBehindIt(CompressionType codec, bool isBomb)
    {
        var strange = isBomb ? StrangeBatch.Bomb(codec) : StrangeBatch.Garbage(codec);
        var topic = await StoreAsync(strange);
        AssertEntries(await ReadAsync(topic, "offset=0"), 1, 1);

        // From it on, alone, and behind it.
        var alone = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=1&limit=1");
        Assert.Equal("CORRUPT_MESSAGE", (string?)Assert.Single(alone["records"]!.AsArray())!["error"]!["error_code"]);
        Assert.Equal(2, (long)alone["next_offset"]!);

        AssertEntries(await TailAsync(topic, "from=earliest&limit=3"), 1, 1);
        AssertEntries(await PollAllAsync(topic, recordsMax: 500), 1, 1);

        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/partitions/0/records?offset=1");
        request.Headers.Add("Accept", BodyKinds.Batch);
        using var raw = await api.SendAsync(request);
        Assert.True(raw.StatusCode == HttpStatusCode.OK, await ApiFixture.TextAsync(raw));
        var batches = await raw.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            strange[RecordBatchHeader.HeaderLengthBytes..], batches[RecordBatchHeader.HeaderLengthBytes..strange.Length]);
    }

    [Fact]
    public async Task Read_WhenManyBatchesUnfoldToVeryMuch_OpensFewForOneAnswerAndReadsOn()
    {
        const int Count = 7;
        var bomb = StrangeBatch.Bomb(CompressionType.Zstd);
        var topic = await StoreAsync([.. Enumerable.Repeat(bomb, Count).SelectMany(bytes => bytes)]);
        var offsets = new List<long>();
        long next = 0;
        while (next < Count + 2)
        {
            var answer = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset={next}");
            var entries = answer["records"]!.AsArray();
            Assert.NotEmpty(entries);
            Assert.InRange(entries.Count(entry => entry!["error"] is not null), 0, 2);
            offsets.AddRange(entries.Select(entry => (long)entry!["offset"]!));
            next = (long)answer["next_offset"]!;
        }

        Assert.Equal(Enumerable.Range(0, Count + 2).Select(i => (long)i), offsets);
        Assert.Equal(Count + 2, (await TailAsync(topic, $"from=earliest&limit={Count + 2}")).Count);
        Assert.Equal(Count + 2, (await PollAllAsync(topic, recordsMax: 500)).Count);
    }

    [Fact]
    public async Task Read_WhenOnlyThePartBehindARecordIsDamaged_ShowsTheRecordAndThenTheRest()
    {
        var topic = await StoreAsync(StrangeBatch.Half("whole"));
        var records = await ReadAsync(topic, "offset=0");
        Assert.Equal(["first", "whole", null, "last"], records.Select(record => (string?)record!["value"]));
        AssertError(records[2]!, 2, 3);
        Assert.Equal(4, (await TailAsync(topic, "from=earliest&limit=4")).Count);

        // From within what cannot be read, and one at a time.
        AssertError((await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?offset=3"))["records"]![0]!, 3, 3);
        Assert.Equal([0, 1, 2, 4], (await PollAllAsync(topic, recordsMax: 1)).Select(record => (long)record!["offset"]!));
    }

    [Theory]
    [InlineData("offset=1&before=1", "", 1)]
    [InlineData("offset=2&before=1", "", 2)]
    [InlineData("offset=0&before=1", "0", 1)]
    [InlineData("offset=0&before=2", "0 1", 2)]
    [InlineData("offset=0&before=4", "0 1", 4)]
    [InlineData("offset=0&before=5", "0 1 4", 5)]
    public async Task Read_BeforeAnOffset_ShowsWhatCannotBeReadOnlyIfItBeginsThere(string query, string offsets, int next)
    {
        var topic = await StoreAsync(StrangeBatch.Garbage(CompressionType.Gzip, count: 3));

        var answer = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?{query}");

        Assert.Equal(offsets, string.Join(' ', answer["records"]!.AsArray().Select(entry => (long)entry!["offset"]!)));
        Assert.Equal(next, (long)answer["next_offset"]!);
    }

    [Theory]
    [InlineData(CompressionType.None)]
    [InlineData(CompressionType.Gzip)]
    public async Task Read_WhenOffsetsOfABatchAreOutOfOrder_GivesOrNamesEachByAnyWay(CompressionType codec)
    {
        foreach (var deltas in (int[][])[[1, 0], [2, 1, 0], [0, 2, 1], [0, 0, 1], [0, 2, 3]])
        {
            byte[] records = [.. deltas.SelectMany(delta => LyingBatch.Record(delta))];
            var topic = await StoreAsync(LyingBatch.Of(codec, records, deltas.Length, StrangeBatch.TimestampMs));
            long[] all = [.. Enumerable.Range(0, deltas.Length + 2).Select(i => (long)i)];
            Assert.Equal(all, OffsetsOf(await ReadAsync(topic, "offset=0")));
            Assert.Equal(all, OffsetsOf(await TailAsync(topic, $"from=earliest&limit={2 + Math.Min(2, deltas[0] == 0 ? 2 : 1)}")));
            Assert.Equal(all, OffsetsOf(await PollAllAsync(topic, recordsMax: 500)));
            Assert.Equal(all, OffsetsOf(await PollAllAsync(topic, recordsMax: 1, group: "one-" + topic)));
        }
    }

    [Fact]
    public async Task Post_OfWhatCannotBeOpened_IsRefusedOnEveryWayIn()
    {
        var topic = await api.CreateTopicAsync(partitions: 2);
        byte[][] strange =
        [
            StrangeBatch.Half("whole"), .. Enum.GetValues<CompressionType>().Select(codec => StrangeBatch.Garbage(codec)),
            .. ((CompressionType[])[CompressionType.Gzip, CompressionType.Zstd, CompressionType.Lz4]).Select(StrangeBatch.Bomb),
            .. Enum.GetValues<CompressionType>().Select(codec => LyingBatch.Of(codec, [.. LyingBatch.Record(1), .. LyingBatch.Record(0)], 2)),
            .. ((CompressionType[])[CompressionType.Zstd, CompressionType.Lz4]).Select(codec => LyingBatch.Of(
                codec, LyingBatch.Record(0), 1, pack: records => LyingBatch.PackTwice(codec, records, records.Length))),
        ];
        foreach (var batch in strange)
        {
            foreach (var path in (string[])[$"/v1/topics/{topic}/partitions/0/records", $"/v1/topics/{topic}/records"])
            {
                using var response = await api.PostAsync(path, ApiFixture.Body(batch, BodyKinds.Batch));
                Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
                Assert.Equal("CORRUPT_MESSAGE", (string?)JsonNode.Parse(await ApiFixture.TextAsync(response))!["error_code"]);
            }
        }

        foreach (var partition in (int[])[0, 1])
            Assert.Equal(0, (long)(await api.GetAsync($"/v1/topics/{topic}/partitions/{partition}/records"))["high_watermark"]!);
    }

    [Fact]
    public async Task Poll_AsAStream_ShowsItInAnAnswer()
    {
        var topic = await StoreAsync(StrangeBatch.Garbage(CompressionType.Zstd, count: 3));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/groups/stream-{topic}/members/m/poll")
        {
            Content = ApiFixture.Json($$"""{"topics":["{{topic}}"]}"""),
        };
        request.Headers.Add("Accept", "text/event-stream");
        using var response = await api.Client.SendAsync(
            request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        string? line;
        do
        {
            line = await lines.ReadLineAsync(TestContext.Current.CancellationToken);
        }
        while (line?.Contains("CORRUPT_MESSAGE", StringComparison.Ordinal) == false);

        AssertEntries(JsonNode.Parse(line!["data: ".Length..])!["records"]!.AsArray(), 1, 3);
    }

    [Fact]
    public async Task FindAndLag_GoByItsHeader()
    {
        var topic = await StoreAsync(StrangeBatch.Garbage(CompressionType.Gzip));
        // An older record before it: what is looked for begins with it.
        AssertEntries(await ReadAsync(topic, $"timestamp={StrangeBatch.TimestampMs}"), 1, 1, hasFirst: false);

        var first = await PollAsync(topic, "late-" + topic, null, recordsMax: 1, waitMs: WaitMs);
        await PollAsync(topic, "late-" + topic, (string?)first["cursor"], recordsMax: 1, waitMs: WaitMs);
        var lag = await api.GetAsync($"/v1/groups/late-{topic}/lag");
        Assert.Equal(2, (long)lag["lag"]!);
        var ageSeconds = (TimeProvider.System.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(StrangeBatch.TimestampMs)).TotalSeconds;
        Assert.InRange((double)lag["lag_seconds"]!, ageSeconds - 600, ageSeconds + 600);
    }

    [Theory]
    [InlineData("topic")]
    [InlineData("in_place")]
    public async Task Failed_WhenItIsNamed_IsRefusedAndTheGroupGoesOnWithoutIt(string retry)
    {
        var topic = await StoreAsync(StrangeBatch.Bomb(CompressionType.Zstd));
        var group = "failing-" + topic;
        using var policy = await api.Client.PutAsync(
            $"/v1/groups/{group}", ApiFixture.Json($$"""{"retry":"{{retry}}","max_attempts":3,"backoff_ms":[60000]}"""),
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, policy.StatusCode);
        var cursor = (string?)(await PollAsync(topic, group, null, waitMs: WaitMs))["cursor"];

        var refused = await PollAsync(topic, group, cursor, failed: 1, status: 400);
        Assert.Equal(("CORRUPT_MESSAGE", "failed"), ((string?)refused["error_code"], (string?)refused["field"]));
        // A good record of the same answer can be failed all the same.
        var next = await PollAsync(topic, group, cursor, failed: 0);
        Assert.Empty(next["records"]!.AsArray());
    }

    [Fact]
    public async Task Redrive_LeavesItAmongTheDeadLettersAndEnds()
    {
        var topic = await api.CreateTopicAsync();
        var group = "dead-" + topic;
        var deadLetters = await StoreAsync(StrangeBatch.Garbage(CompressionType.Lz4));
        using var policy = await api.Client.PutAsync(
            $"/v1/groups/{group}", ApiFixture.Json($$"""{"max_attempts":2,"backoff_ms":[1],"dead_letter_topic":"{{deadLetters}}"}"""),
            TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.OK, policy.StatusCode);
        var path = $"/v1/groups/{group}/dead-letters/redrive";
        await api.PostAsync(path, "{}", 202);
        JsonNode done = new JsonObject();
        await Wait.UntilAsync("the redrive is done", async () => (string?)(done = await api.GetAsync(path))["state"] == "done");

        // Two that somebody else put there, and it between them: the one behind it was looked at, too.
        Assert.Equal((0, 3), ((int)done["redriven"]!, (int)done["kept"]!));
        Assert.Equal(["foreign 2", "unreadable 1"], Groups.RetryClient.ReasonsOf(done));
    }

    private async Task<string> StoreAsync(byte[] strange)
    {
        // The records are old, and retention would delete them.
        var topic = await api.CreateTopicAsync(config: """{"retention.ms":-1}""");
        await api.StoreUnopenedAsync(
            topic, TestBatch.At(StrangeBatch.TimestampMs - 1000, "first"), strange, StrangeBatch.Sound(CompressionType.Gzip, "last"));
        return topic;
    }

    /// <summary>Reads on until the end of the log: an answer may hold less than there is.</summary>
    private async Task<JsonArray> ReadAsync(string topic, string start)
    {
        var all = new JsonArray();
        while (true)
        {
            var answer = await api.GetAsync($"/v1/topics/{topic}/partitions/0/records?{start}");
            foreach (var record in answer["records"]!.AsArray())
                all.Add(record!.DeepClone());
            if ((long)answer["next_offset"]! == (long)answer["high_watermark"]!)
                return all;
            start = $"offset={answer["next_offset"]}";
        }
    }

    private static List<long> OffsetsOf(JsonArray entries) =>
    [
        .. entries.SelectMany(entry => Enumerable.Range(0, (int)((long)(entry!["last_offset"] ?? entry["offset"])! - (long)entry["offset"]!) + 1)
            .Select(i => (long)entry["offset"]! + i)),
    ];

    private async Task<JsonArray> PollAllAsync(string topic, int recordsMax, string? group = null)
    {
        var all = new JsonArray();
        for (JsonNode? answer = null; (long?)answer?["lag"] != 0;)
        {
            answer = await PollAsync(topic, group ?? "readers-" + topic, (string?)answer?["cursor"], recordsMax);
            foreach (var record in answer["records"]!.AsArray())
                all.Add(record!.DeepClone());
            Assert.InRange(answer["records"]!.AsArray().Count, 0, recordsMax);
        }

        return all;
    }

    private async Task<JsonNode> PollAsync(
        string topic, string group, string? cursor, int recordsMax = 500, int? failed = null, int status = 200, int waitMs = 0)
    {
        var body = new JsonObject { ["topics"] = new JsonArray(topic), ["cursor"] = cursor, ["max_records"] = recordsMax, ["wait_ms"] = waitMs };
        if (failed is not null)
            body["failed"] = new JsonArray(new JsonObject { ["topic"] = topic, ["partition"] = 0, ["offset"] = failed, ["reason"] = "strange" });
        return await form.PollAsync(
        api, $"/v1/groups/{group}/members/m/poll", body.ToJsonString(), status);
    }

    private async Task<JsonArray> TailAsync(string topic, string query)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/v1/topics/{topic}/records?{query}");
        using var response = await api.SendAsync(request);
        var lines = (await ApiFixture.TextAsync(response)).Split('\n');
        Assert.DoesNotContain("event: error", lines);
        return [.. lines.Where(line => line.StartsWith("data: ", StringComparison.Ordinal)).Select(line => JsonNode.Parse(line["data: ".Length..]))];
    }

    private static void AssertEntries(JsonArray records, long offset, long lastOffset, bool hasFirst = true)
    {
        string?[] expected = hasFirst ? ["first", null, "last"] : [null, "last"];
        Assert.Equal(expected, records.Select(record => (string?)record!["value"]));
        AssertError(records[hasFirst ? 1 : 0]!, offset, lastOffset);
    }

    private static void AssertError(JsonNode entry, long offset, long lastOffset)
    {
        Assert.Equal((0, offset, lastOffset), ((int)entry["partition"]!, (long)entry["offset"]!, (long)entry["last_offset"]!));
        Assert.Equal("CORRUPT_MESSAGE", (string?)entry["error"]!["error_code"]);
        Assert.NotEmpty((string)entry["error"]!["detail"]!);
    }
}

/// <summary>The same in JSON.</summary>
[Collection(ApiTests.Name)]
public sealed class StrangeBatchInJsonTests(ApiFixture api) : StrangeBatchTests(api, PollForm.Json);

/// <summary>The same in parts.</summary>
[Collection(ApiTests.Name)]
public sealed class StrangeBatchInPartsTests(ApiFixture api) : StrangeBatchTests(api, PollForm.Parts);
