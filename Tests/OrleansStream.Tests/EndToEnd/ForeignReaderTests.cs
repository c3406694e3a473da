using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A segment file is a Kafka log file: a program that knows nothing of this service reads it from its first byte to its last.</summary>
public sealed class ForeignReaderTests
{
    [Theory]
    [InlineData("producer")]
    [InlineData("zstd")]
    public async Task Walk_WhenTheServiceWasKilledAndThenStopped_SeesEveryRecordOfEverySegment(string compression)
    {
        using var folder = new ScratchFolder();
        var records = WorldCup.ReadRecords();
        var half = records.Count / 2;
        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            // Small segments, so that there are rolled ones too.
            await client.CreateTopicAsync("walked", 2, new JsonObject { ["segment.bytes"] = 4 * 1024, ["compression.type"] = compression });
            await ProduceAsync(client, records.Take(half));
            await service.KillAsync();
        }

        // A killed process leaves the zeros of the room that it had taken ahead, as Kafka does with preallocation.
        AssertSame(records.Take(half), await WalkAsync(folder.PathOf("data", "segments"), mayEndInZeros: true));
        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            await ProduceAsync(client, records.Skip(half));
            Assert.Equal(0, await service.StopAsync());
        }

        AssertSame(records, await WalkAsync(folder.PathOf("data", "segments"), mayEndInZeros: false));
    }

    private static void AssertSame(IEnumerable<JsonObject> sent, IEnumerable<string> values) => Assert.Equal(
        sent.Select(record => record["value"]!.ToJsonString()).Order(StringComparer.Ordinal), values.Order(StringComparer.Ordinal));

    private static async Task ProduceAsync(ServiceClient client, IEnumerable<JsonObject> records)
    {
        foreach (var some in records.Chunk(20))
            await client.ProduceAsync("walked", some.Select(record => record.DeepClone().AsObject()));
    }

    private static async Task<List<string>> WalkAsync(string folder, bool mayEndInZeros)
    {
        var values = new List<string>();
        var segments = Directory.GetFiles(folder, "*.log", SearchOption.AllDirectories);
        Assert.True(segments.Length > 2, "No segment was rolled.");
        foreach (var partition in segments.GroupBy(path => Path.GetDirectoryName(path)))
            values.AddRange(await WalkPartitionAsync(partition.Order(StringComparer.Ordinal), mayEndInZeros));
        return values;
    }

    // Each segment is walked to its end, and begins where the one before it ended.
    private static async Task<List<string>> WalkPartitionAsync(IEnumerable<string> paths, bool mayEndInZeros)
    {
        var values = new List<string>();
        var next = 0L;
        foreach (var path in paths)
        {
            var (exitCode, lines) = await ForeignProgram.RunAsync("walk-log.cjs", [path, "--records"]);
            Assert.True(exitCode == 0, $"{path}: {lines.LastOrDefault()}");
            var end = JsonNode.Parse(lines[^1])!;
            Assert.Equal(new FileInfo(path).Length, (long)end["end"]! + (long)end["zeroBytes"]!);
            Assert.True(mayEndInZeros || (long)end["zeroBytes"]! == 0, $"{path} ends in {end["zeroBytes"]} zeros.");
            var batches = lines[..^1].Select(line => JsonNode.Parse(line)!).ToList();
            Assert.Equal(next, (long)batches[0]["baseOffset"]!);
            foreach (var record in batches.SelectMany(batch => batch["records"]!.AsArray()))
            {
                Assert.Equal(next++, long.Parse(record!["offset"]!.ToString()));
                values.Add(Encoding.UTF8.GetString(Convert.FromHexString((string)record["value"]!)));
            }
        }

        return values;
    }
}
