using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Storage.Files.Segments;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The real process meets a damaged folder: a torn tail is cut, damage below what was durable takes one partition offline.</summary>
public sealed class DamageTests : IDisposable
{
    private const int RequestCount = 4;
    private const int PartitionCount = 3;
    private const int DamagedPartition = 1;
    private readonly ScratchFolder _folder = new();

    private string DataFolder => _folder.PathOf("data");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(61)]
    public async Task Start_WhenTheTailIsTorn_CutsItAndGoesOnFromThere(int cut)
    {
        await KilledPartition.LeaveBehindAsync(DataFolder, RequestCount, PartitionCount);
        var killed = KilledPartition.Find(DataFolder, DamagedPartition);
        killed.TakeBackMarker();
        using (var data = File.Open(killed.SegmentPath, FileMode.Open))
            data.SetLength(killed.LastBatch.Position + cut);

        await using var service = await ServiceProcess.StartAsync(DataFolder);
        using var client = service.Connect();
        Assert.Equal(ValuesTo(RequestCount - 1), await ReadValuesAsync(client, DamagedPartition));
        var place = await client.ProduceAsync("torn", new JsonObject { ["partition"] = DamagedPartition, ["value"] = "next" });
        Assert.Equal([new Place(DamagedPartition, RequestCount - 1)], place);
    }

    [Fact]
    public async Task Start_WhenDurableBytesAreDamaged_TakesThatPartitionOfflineAndShortensNothing()
    {
        await KilledPartition.LeaveBehindAsync(DataFolder, RequestCount, PartitionCount);
        var killed = KilledPartition.Find(DataFolder, DamagedPartition);
        var position = killed.LastBatch.Position + 30;
        var flipped = (byte)(killed.Read(position, 1)[0] ^ 4);
        using (var data = File.Open(killed.SegmentPath, FileMode.Open))
        {
            data.Position = position;
            data.WriteByte(flipped);
        }

        var before = await File.ReadAllBytesAsync(killed.SegmentPath, TestContext.Current.CancellationToken);
        await using var service = await ServiceProcess.StartAsync(DataFolder);
        using var client = service.Connect();
        var path = $"/v1/topics/torn/partitions/{DamagedPartition}/records";
        AssertOffline(await client.GetAsync(path));
        AssertOffline(await client.PostAsync(path, new JsonObject { ["records"] = new JsonArray(new JsonObject { ["value"] = "more" }) }));
        var list = (await client.GetAsync("/v1/topics/torn/partitions")).Expect(HttpStatusCode.OK).Body!["partitions"]!.AsArray();
        Assert.Equal("PARTITION_OFFLINE", (string?)list[DamagedPartition]!["error"]!["error_code"]);

        foreach (var partition in Enumerable.Range(0, PartitionCount).Where(partition => partition != DamagedPartition))
        {
            Assert.Equal(ValuesTo(RequestCount), await ReadValuesAsync(client, partition));
            var place = await client.ProduceAsync("torn", new JsonObject { ["partition"] = partition, ["value"] = "more" });
            Assert.Equal([new Place(partition, RequestCount)], place);
        }

        await service.KillAsync();
        Assert.Equal(before, await File.ReadAllBytesAsync(killed.SegmentPath, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Stop_WhenAskedTo_LeavesNothingInDoubt()
    {
        await using (var service = await ServiceProcess.StartAsync(DataFolder))
        {
            using var client = service.Connect();
            await client.CreateTopicAsync("tidy", PartitionCount);
            await client.ProduceAsync("tidy", Enumerable.Range(0, 100).Select(i => new JsonObject { ["key"] = $"{i}", ["value"] = i }));
            Assert.Equal(0, await service.StopAsync());
        }

        var segments = Directory.GetFiles(Path.Join(DataFolder, "segments"), "*.log", SearchOption.AllDirectories);
        Assert.Equal(PartitionCount, segments.Length);
        Assert.All(segments, path =>
        {
            var marker = DurableMarker.Read(File.ReadAllBytes(SegmentFile.MarkerPathOf(path)));
            Assert.True(marker is { } known && known.Flags.HasFlag(DurableMarkerFlags.Exact), $"{path} needs settling");
            Assert.Equal(new FileInfo(path).Length, marker.Value.Length);
        });
    }

    private static void AssertOffline(Answer answer)
    {
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.Status);
        Assert.Equal("PARTITION_OFFLINE", answer.ErrorCode);
    }

    private static IEnumerable<string> ValuesTo(int count) => Enumerable.Range(0, count).Select(i => $"event {i}");

    private static async Task<IEnumerable<string>> ReadValuesAsync(ServiceClient client, int partition) =>
        (await client.ReadAllAsync("torn", partition)).Select(record => record.Value!.ToString());
}
