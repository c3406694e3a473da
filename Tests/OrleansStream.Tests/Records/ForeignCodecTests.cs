using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using OrleansStream.Records;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Records;

/// <summary>Ours against kafkajs: each decodes what the other encoded.</summary>
public sealed class ForeignCodecTests
{
    private static readonly CompressionType[] Codecs = Enum.GetValues<CompressionType>();

    [Fact]
    public async Task Decode_WhenOursEncoded_KafkajsGivesTheRecords()
    {
        var batches = new List<(byte[] Bytes, RecordBatchOptions Options, TestRecord[] Records)>();
        foreach (var records in Samples())
        {
            foreach (var codec in Codecs)
            {
                var options = new RecordBatchOptions
                {
                    Compression = codec, BaseOffset = 1000 * batches.Count, ProducerId = 99, ProducerEpoch = 4, BaseSequence = 31,
                    PartitionLeaderEpoch = 6, IsTransactional = batches.Count % 2 == 0,
                };
                batches.Add((TestRecords.Encode(options, records), options, records));
            }
        }

        (var exitCode, var lines) =
            await ForeignProgram.RunAsync("decode-batches.cjs", [], [.. batches.Select(b => Convert.ToBase64String(b.Bytes))]);
        Assert.Equal((0, batches.Count), (exitCode, lines.Length));
        foreach (((var _, var options, var records), var line) in batches.Zip(lines))
        {
            var batch = JsonNode.Parse(line)!;
            Assert.True((bool)batch["crcMatches"]!);
            Assert.Equal(records, batch["records"]!.AsArray().Select(FromJson));
            Assert.Equal($"{options.BaseOffset}", (string)batch["firstOffset"]!);
            Assert.Equal($"{records.Max(r => r.TimestampMs)}", (string)batch["maxTimestamp"]!);
            Assert.Equal(("99", 4, 31, 6), ((string)batch["producerId"]!, (int)batch["producerEpoch"]!, (int)batch["firstSequence"]!, (int)batch["partitionLeaderEpoch"]!));
            Assert.Equal((options.IsTransactional, false), ((bool)batch["inTransaction"]!, (bool)batch["isControlBatch"]!));
            Assert.Equal(records.Length - 1, (int)batch["lastOffsetDelta"]!);
        }
    }

    [Fact]
    public async Task Decode_WhenKafkajsEncoded_OursGivesTheRecords()
    {
        var asked = new List<(CompressionType Codec, TestRecord[] Records)>();
        foreach (var records in Samples())
        {
            // kafkajs cannot write a null header value, and keeps headers in an object: one of each key.
            TestRecord[] writable =
                [.. records.Select(r => r with { Headers = [.. r.Headers.Where(h => h.Value is not null).DistinctBy(h => h.Key)] })];
            asked.AddRange(Codecs.Select(codec => (codec, writable)));
        }

        (var exitCode, var lines) =
            await ForeignProgram.RunAsync("encode-batches.cjs", [], [.. asked.Select(a => ToJson(a.Codec, a.Records))]);
        Assert.Equal((0, asked.Count), (exitCode, lines.Length));
        foreach (((var codec, var records), var line) in asked.Zip(lines))
        {
            var batch = Convert.FromBase64String(line);
            Assert.Equal(RecordBatchStatus.Valid, RecordBatchScanner.Validate(batch, out var header, out var length));
            Assert.Equal((batch.Length, codec, records.Length), (length, header.Compression, header.RecordCount));
            Assert.Equal((4711L, 7, 12, 11 + records.Length), (header.ProducerId, header.ProducerEpoch, header.BaseSequence, header.LastSequence));
            Assert.Equal(records, TestRecords.Decode(batch));
            var summary = RecordBatchReader.ValidateRecords(batch);
            Assert.Equal((records.Length, records.Max(r => r.TimestampMs)), (summary.RecordCount, header.MaxTimestamp));
        }
    }

    [Fact]
    public async Task WalkLog_WhenSegmentHoldsBatchesAndFences_ReachesItsTail()
    {
        var firstFence = new byte[FenceBatch.LengthBytes];
        var lastFence = new byte[FenceBatch.LengthBytes];
        FenceBatch.Write(firstFence, 0, 1);
        FenceBatch.Write(lastFence, 3, 2);
        var two = TestRecords.Encode(
            new RecordBatchOptions { Compression = CompressionType.Gzip, PartitionLeaderEpoch = 1 },
            Enumerable.Repeat(TestRecords.Text("argentina-brazil", "goal goal goal goal goal goal goal goal goal goal"), 2));
        var one = TestRecords.Encode(new RecordBatchOptions { BaseOffset = 2 }, TestRecords.Text(null, "end"));
        byte[] whole = [.. firstFence, .. two, .. one, .. lastFence, .. lastFence];

        (var exitCode, var lines) = await WalkAsync([.. whole, .. new byte[4096]]);
        Assert.Equal(0, exitCode);
        Assert.Equal([-1, 1, 2, 2, 2], lines[..^1].Select(line => (int)line["lastOffset"]!));
        Assert.Equal([true, false, false, true, true], lines[..^1].Select(line => (bool)line["isControl"]!));
        Assert.Equal([0, 2, 1, 0, 0], lines[..^1].Select(line => line["records"]!.AsArray().Count));
        Assert.Equal((whole.Length, 4096), ((int)lines[^1]["end"]!, (int)lines[^1]["zeroBytes"]!));

        // It is a reader that can fail: a torn tail, a flipped bit, a hole in the offsets.
        (exitCode, lines) = await WalkAsync(whole[..^1]);
        Assert.Equal((1, whole.Length - FenceBatch.LengthBytes), (exitCode, (int)lines[^1]["position"]!));
        byte[] flipped = [.. whole];
        flipped[firstFence.Length + two.Length - 1] ^= 1;
        (exitCode, lines) = await WalkAsync(flipped);
        Assert.Equal((1, firstFence.Length), (exitCode, (int)lines[^1]["position"]!));
        (exitCode, lines) = await WalkAsync([.. firstFence, .. one]);
        Assert.Equal((1, firstFence.Length), (exitCode, (int)lines[^1]["position"]!));
    }

    private static async Task<(int ExitCode, JsonNode[] Lines)> WalkAsync(byte[] segment)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllBytesAsync(file, segment);
            (var exitCode, var lines) = await ForeignProgram.RunAsync("walk-log.cjs", [file, "--records"]);
            return (exitCode, [.. lines.Select(line => JsonNode.Parse(line)!)]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static IEnumerable<TestRecord[]> Samples()
    {
        var random = new Random(2026);
        yield return [TestRecords.Text("k", "v")];
        // One key twice, and side by side: kafkajs keeps headers by key.
        yield return [new TestRecord(0, null, null, []), new TestRecord(5, [], [], [("", []), ("h", null), ("h", [1])])];
        // Negative and large deltas of time.
        yield return [TestRecords.Text("a", "1", 1_800_000_000_000), TestRecords.Text("b", "2", 1), TestRecords.Text("c", "3", 1_900_000_000_000)];
        // Enough to cross the blocks of each codec.
        yield return [.. Enumerable.Range(0, 3000).Select(i => TestRecords.Text($"match-{i % 64}", $"{{\"event\":\"pass\",\"minute\":{i * 7919 % 90}}}", 1_750_000_000_000 + i))];
        for (var i = 0; i < 10; i++)
        {
            yield return [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => new TestRecord(
                1_750_000_000_000 + random.Next(-1000, 1000), Bytes(random), Bytes(random),
                [.. Enumerable.Range(0, random.Next(3)).Select(h => ($"ключ-{h}", Bytes(random)))]))];
        }
    }

    private static byte[]? Bytes(Random random)
    {
        if (random.Next(6) == 0)
            return null;
        var bytes = new byte[random.Next(200)];
        random.NextBytes(bytes.AsSpan(0, bytes.Length / 2));
        return bytes;
    }

    private static TestRecord FromJson(JsonNode? record) => new(
        long.Parse((string)record!["timestamp"]!), Hex(record["key"]), Hex(record["value"]),
        [.. record["headers"]!.AsArray().Select(h => ((string)h![0]!, Hex(h[1])))]);

    private static byte[]? Hex(JsonNode? hex) => hex is null ? null : Convert.FromHexString((string)hex!);

    private static string ToJson(CompressionType codec, TestRecord[] records) => JsonSerializer.Serialize(new
    {
        compression = (int)codec,
        firstTimestamp = records[0].TimestampMs,
        maxTimestamp = records.Max(r => r.TimestampMs),
        records = records.Select(r => new
        {
            timestampDelta = r.TimestampMs - records[0].TimestampMs,
            key = r.Key is null ? null : Convert.ToHexString(r.Key),
            value = r.Value is null ? null : Convert.ToHexString(r.Value),
            headers = r.Headers.Select(h => new[] { h.Key, Convert.ToHexString(h.Value!) }),
        }),
    });
}
