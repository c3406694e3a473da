using System.Text.Json.Nodes;
using OrleansStream.Tests.Records;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>A segment file is a Kafka log file: a program that knows nothing of this service reads it from its first byte to its last.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ForeignReaderTests
{
    [Theory]
    [InlineData("producer")]
    [InlineData("zstd")]
    public async Task Walk_WhenTheServiceHasStopped_SeesEveryRecordOfEverySegment(string compression)
    {
        using var folder = new ScratchFolder();
        var records = WorldCup.ReadRecords();
        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            // Small segments, so that there are rolled ones too; killed in the middle, so that there is a second fence.
            await client.CreateTopicAsync("walked", 2, new JsonObject { ["segment.bytes"] = 16 * 1024, ["compression.type"] = compression });
            await ProduceAsync(client, records.Take(records.Count / 2));
            await service.KillAsync();
        }

        await using (var service = await ServiceProcess.StartAsync(folder.PathOf("data")))
        {
            using var client = service.Connect();
            await ProduceAsync(client, records.Skip(records.Count / 2));
            Assert.Equal(0, await service.StopAsync());
        }

        var read = new List<string>();
        var segments = Directory.GetFiles(folder.PathOf("data", "segments"), "*.log", SearchOption.AllDirectories);
        Assert.True(segments.Length > 2, "No segment was rolled.");
        foreach (var partition in segments.GroupBy(path => Path.GetDirectoryName(path)))
            read.AddRange(await WalkAsync(partition.Order(StringComparer.Ordinal)));
        Assert.Equal(
            records.Select(record => record["value"]!.ToJsonString()).Order(StringComparer.Ordinal), read.Order(StringComparer.Ordinal));
    }

    private static async Task ProduceAsync(ServiceClient client, IEnumerable<JsonObject> records)
    {
        foreach (var some in records.Chunk(20))
            await client.ProduceAsync("walked", some.Select(record => record.DeepClone().AsObject()));
    }

    // The segments of one partition: each walked to its end, each beginning where the one before it ended.
    private static async Task<List<string>> WalkAsync(IEnumerable<string> paths)
    {
        var values = new List<string>();
        var next = 0L;
        foreach (var path in paths)
        {
            var (exitCode, lines) = await ForeignProgram.RunAsync("walk-log.cjs", [path, "--records"]);
            Assert.True(exitCode == 0, $"{path}: {lines.LastOrDefault()}");
            var batches = lines.Select(line => JsonNode.Parse(line)!).ToList();
            Assert.Equal(new FileInfo(path).Length, batches.Sum(batch => (long)batch["lengthBytes"]!));
            Assert.Equal(next, (long)batches[0]["baseOffset"]!);
            foreach (var record in batches.SelectMany(batch => batch["records"]!.AsArray()))
            {
                Assert.Equal(next++, long.Parse(record!["offset"]!.ToString()));
                values.Add(System.Text.Encoding.UTF8.GetString(Convert.FromHexString((string)record["value"]!)));
            }
        }

        return values;
    }
}
