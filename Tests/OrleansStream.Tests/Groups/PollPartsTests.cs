using System.IO.Pipelines;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Gateway.Groups;
using OrleansStream.Groups;
using OrleansStream.Producers;
using OrleansStream.Randomness;
using OrleansStream.Records;
using OrleansStream.Rest.Groups;
using OrleansStream.Rest.Http;
using OrleansStream.Rest.Json;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Groups;

/// <summary>The answer to a poll in parts says what the answer in JSON says: records, their order and stories, positions, what waits.</summary>
public sealed class PollPartsTests
{
    private static readonly PayloadViews Views = new(PayloadType.Auto, PayloadType.Auto);

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 100)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Answers_InBothForms_TellTheSame(int seed)
    {
        var random = new Random(seed);
        var rig = new PollRig(partitionCount: 4) { RetryPartition = 3 };
        rig.Append(0, Support.Batches.Of(("k", "first"), ("x", "second")));
        for (var partition = 0; partition < rig.Ends.Length; partition++)
        {
            for (var batches = random.Next(1, 8); batches > 0; batches--)
                rig.Append(partition, partition == rig.RetryPartition && random.Next(2) == 0 ? CopyOf(random) : BatchOf(random));
        }

        // The first record of partition 0 waits in place, and others of its key wait for it.
        if (random.Next(2) == 0)
            (rig.Committed[0], rig.Holds) = (1, [new HeldOffset(0, (int)Crc32C.Compute("k"u8), Attempt: 2, DueMs: 0)]);
        string? cursor = null;
        var isAtEnd = false;
        for (var polls = 0; !isAtEnd; polls++)
        {
            Assert.True(polls < 500, "The polls come to no end.");
            var (recordsMax, bytesMax, order) = (random.Next(1, 30), random.Next(1, 200_000), random.Next());
            var json = await AnswerAsync(PollForm.Json);
            var parts = await AnswerAsync(PollForm.Parts);
            Assert.Equal(Told(json), Told(parts));
            isAtEnd = (long)json["lag"]! == 0;
            cursor = (string)json["cursor"]!;

            async Task<JsonNode> AnswerAsync(PollForm form)
            {
                using var poll = rig.Open(cursor, recordsMax, bytesMax, new SeededRandom(order));
                Assert.Null(await poll.JoinAsync(TestContext.Current.CancellationToken));
                Assert.Null(await poll.ReadAsync(TestContext.Current.CancellationToken));
                using var answer = await WriteAsync(poll, form);
                var read = form == PollForm.Parts ? await PollForms.ReadAsync(answer)
                    : JsonNode.Parse(await ApiFixture.TextAsync(answer))!;
                Assert.InRange(read["records"]!.AsArray().Count, 0, recordsMax + 1);
                return read;
            }
        }

        Assert.Equal(0, rig.Node.Bytes);
    }

    [Theory]
    [MemberData(nameof(TestRecords.Codecs), MemberType = typeof(TestRecords))]
    public async Task Answer_WhenAWholeBatchIsDelivered_HasItAsItIsStored(CompressionType codec)
    {
        var rig = new PollRig(partitionCount: 1);
        byte[][] stored = [.. Enumerable.Range(0, 3).Select(i => Support.Batches.Of(
            new RecordBatchOptions { Compression = codec }, [.. Enumerable.Range(0, 50).Select(j => ("k", $"{i}: {new string('x', j * i)}"))]))];
        foreach (var batch in stored)
            rig.Append(0, batch);

        var part = Assert.Single((await PartsAsync(rig, recordsMax: 150)).SkipLast(1));

        Assert.Equal((MediaTypes.RecordBatch, PollRig.Topic, 0), (part.Type, part.Topic, part.Partition));
        Assert.Equal(TestBatch.Join(stored), part.Bytes);
    }

    [Fact]
    public async Task Answer_WhenAPieceOfABatchIsDelivered_HasNoOtherRecords()
    {
        var rig = new PollRig(partitionCount: 1);
        rig.Append(0, Support.Batches.Of([.. Enumerable.Range(0, 50).Select(i => ((string?)"k", $"{i}"))]));

        var part = Assert.Single((await PartsAsync(rig, recordsMax: 3)).SkipLast(1));

        Assert.Equal([(0L, "k", "0"), (1, "k", "1"), (2, "k", "2")], Support.Batches.Read(part.Bytes));
    }

    [Fact]
    public async Task Answer_WhenSomeRecordsHaveMoreToTell_KeepsTheOrderOfEachPartition()
    {
        var rig = new PollRig(partitionCount: 1);
        rig.Append(0, Support.Batches.Of(("k", "waited"), ("x", "1")));
        rig.Append(0, TestBatch.Of("2", "3"));
        rig.Append(0, LyingBatch.With(TestBatch.Of("no", "no"), RecordBatchHeader.HeaderLengthBytes, [1]));
        rig.Append(0, TestBatch.Of("6", new string('7', JsonLimits.ResponsePieceBytes + 1), "8", "9"));
        (rig.Committed[0], rig.Holds) = (1, [new HeldOffset(0, (int)Crc32C.Compute("k"u8), Attempt: 2, DueMs: 0)]);

        var parts = await PartsAsync(rig, recordsMax: 100);

        Assert.Equal(
            ["json 0 (2)", "batches 1", "batches 2", "batches 3", "json 4", "batches 6", "json 7", "batches 8", "batches 9", "json"],
            parts.SelectMany(ShortOf));
    }

    [Fact]
    public async Task Answer_OfAGroupWithAPolicy_HasNoMoreRecordsThanMayFail()
    {
        var rig = new PollRig(partitionCount: 2) { RetryPartition = 1 };
        for (var i = 0; i < 3; i++)
            rig.Append(0, TestBatch.Of([.. Enumerable.Repeat("x", 600)]));

        foreach (var form in Enum.GetValues<PollForm>())
        {
            using var poll = await rig.ReadAsync(cursor: null, recordsMax: 5_000, bytesMax: 1_000_000);
            using var answer = await WriteAsync(poll, form);
            var read = form == PollForm.Parts ? await PollForms.ReadAsync(answer) : JsonNode.Parse(await ApiFixture.TextAsync(answer))!;
            Assert.Equal(GroupLimits.FailedPerPollMax, read["records"]!.AsArray().Count);
        }
    }

    private static IEnumerable<string> ShortOf(PollForms.Part part)
    {
        if (part.Type == MediaTypes.RecordBatch)
            return Support.Batches.Read(part.Bytes).Select(record => $"batches {record.Offset}");
        var records = JsonNode.Parse(part.Bytes)!["records"]!.AsArray();
        return records.Count == 0 ? ["json"]
            : records.Select(record => $"json {record!["offset"]}{(record["attempt"] is { } attempt ? $" ({attempt})" : "")}");
    }

    private static async Task<IReadOnlyList<PollForms.Part>> PartsAsync(PollRig rig, int recordsMax)
    {
        using var poll = await rig.ReadAsync(cursor: null, recordsMax, bytesMax: 1_000_000);
        using var answer = await WriteAsync(poll, PollForm.Parts);
        return await PollForms.PartsAsync(answer);
    }

    private static async Task<HttpResponseMessage> WriteAsync(GroupPoll poll, PollForm form)
    {
        poll.BeginDelivery();
        using var body = new MemoryStream();
        var output = PipeWriter.Create(body, new StreamPipeWriterOptions(leaveOpen: true));
        var answer = new AnswerWriter(output, TestContext.Current.CancellationToken);
        var type = "application/json";
        if (form == PollForm.Json)
        {
            await new GroupAnswerWriter(answer, poll, Views).WriteAsync();
            await answer.EndAsync();
        }
        else
        {
            using var parts = new PollPartsWriter(answer, poll, Views);
            type = parts.ContentType;
            await parts.WriteAsync();
        }

        await output.CompleteAsync();
        var response = new HttpResponseMessage { Content = new ByteArrayContent(body.ToArray()) };
        response.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(type);
        return response;
    }

    // The lease's end differs, and the order among partitions does not matter.
    private static string Told(JsonNode answer)
    {
        var told = answer.DeepClone().AsObject();
        told.Remove("lease_expires_at");
        told["records"] = new JsonArray(
            [.. answer["records"]!.AsArray().GroupBy(record => $"{record!["topic"]}/{record["partition"]}")
                .OrderBy(records => records.Key, StringComparer.Ordinal)
                .Select(records => new JsonArray([.. records.Select(record => record!.DeepClone())]))]);
        return string.Join('\n', told.OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}: {field.Value?.ToJsonString()}"));
    }

    private static byte[] BatchOf(Random random)
    {
        var codec = (CompressionType)random.Next(5);
        var options = new RecordBatchOptions
        {
            Compression = codec,
            TimestampType = random.Next(5) == 0 ? TimestampType.LogAppendTime : TimestampType.CreateTime,
        };
        byte[] batch;
        switch (random.Next(10))
        {
            case 0:
                batch = new byte[FenceBatch.LengthBytes];
                FenceBatch.Write(batch, 0, epoch: 1);
                return batch;
            case 1:
                // Cannot be read from its first record on.
                return LyingBatch.With(TestBatch.Of("a", "b"), RecordBatchHeader.HeaderLengthBytes, [1]);
            case 2:
                return LyingBatch.Of(
                    codec, [.. LyingBatch.Record(0, timestampDelta: 5), .. LyingBatch.Record(1, timestampDelta: long.MaxValue)], 2,
                    baseTimestampMs: random.Next(2) == 0 ? 0 : -7);
            case 3:
                return LyingBatch.Of(codec, [.. LyingBatch.Record(0), .. LyingBatch.Record(1, attributes: 1)], 2);
            default:
                using (var writer = new RecordBatchWriter())
                {
                    writer.Reset(options);
                    for (var count = random.Next(1, 9); count > 0; count--)
                        Append(writer, random);
                    writer.Finish();
                    return writer.ToArray();
                }
        }
    }

    private static void Append(RecordBatchWriter writer, Random random)
    {
        int[] lengths = [0, 1, 40, 40, 300, 3_000, JsonLimits.ResponsePieceBytes, JsonLimits.ResponsePieceBytes + 1, 70_000];
        var value = new string((char)random.Next('a', 'z'), lengths[random.Next(lengths.Length)]);
        long[] times = [-1, 0, TestBatch.TimestampMs, TestBatch.TimestampMs + random.Next(), long.MaxValue / 3];
        using var headers = new RecordHeadersWriter();
        headers.Reset();
        for (var count = random.Next(3) == 0 ? random.Next(3) : 0; count > 0; count--)
            headers.Append("source", "stadium"u8);
        writer.Append(
            times[random.Next(times.Length)], random.Next(2) == 0 ? "k"u8 : "x"u8, random.Next(3) > 0, Encoding.UTF8.GetBytes(value), random.Next(6) > 0,
            headers.EncodedHeaders);
    }

    private static byte[] CopyOf(Random random)
    {
        using var headers = new RecordHeadersWriter();
        using var writer = new RecordBatchWriter();
        var source = new StoredBatchReader(TestBatch.Of("v"));
        Assert.True(source.TryReadNext(out var record));
        new RetryStory(2, 1_700_000_060_000, 1_700_000_000_000, "503", PollRig.Topic, 3, random.Next(100), 1_600_000_000_000)
            .Write(headers, record, PollRig.Group);
        source.Dispose();
        writer.Reset(new RecordBatchOptions { ProducerId = ProducerIdRanges.DerivedMin, ProducerEpoch = 0, BaseSequence = 0 });
        for (var count = random.Next(1, 4); count > 0; count--)
            writer.Append(TestBatch.TimestampMs, "k"u8, hasKey: true, "v"u8, hasValue: true, headers.EncodedHeaders);
        writer.Finish();
        return writer.ToArray();
    }

    /// <summary>Random choices that are the same for the same seed.</summary>
    private sealed class SeededRandom(int seed) : RandomSource
    {
        private readonly Random _random = new(seed);

        public override double NextDouble() => _random.NextDouble();
    }
}
