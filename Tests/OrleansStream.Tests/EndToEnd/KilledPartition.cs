using System.Text.Json.Nodes;
using OrleansStream.Records;
using OrleansStream.Storage.Files.Segments;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>The files of a topic's only partition, as a killed process left them.</summary>
internal sealed class KilledPartition
{
    private KilledPartition(string segmentPath, string logName, DurableMarker marker)
    {
        (SegmentPath, LogName, Marker) = (segmentPath, logName, marker);
        var bytes = File.ReadAllBytes(segmentPath).AsSpan(0, (int)marker.Length);
        var scanner = new RecordBatchScanner(bytes, checkCrc: true);
        var position = 0;
        while (scanner.MoveNext())
        {
            LastBatch = (position, scanner.Batch.Length);
            position += scanner.Batch.Length;
        }

        Assert.Equal(marker.Length, position);
    }

    /// <summary>The segment's file.</summary>
    public string SegmentPath { get; }

    /// <summary>The log's name in the stores.</summary>
    public string LogName { get; }

    /// <summary>What is vouched for.</summary>
    public DurableMarker Marker { get; }

    /// <summary>Where the last batch is.</summary>
    public (int Position, int Length) LastBatch { get; }

    /// <summary>Has a real process store records, one a request, and kills it.</summary>
    public static async Task LeaveBehindAsync(string dataFolder, int requestCount, int partitions = 1)
    {
        await using var service = await ServiceProcess.StartAsync(dataFolder);
        using var client = service.Connect();
        await client.CreateTopicAsync("torn", partitions);
        for (var i = 0; i < requestCount; i++)
        {
            await client.ProduceAsync("torn", Enumerable.Range(0, partitions).Select(
                partition => new JsonObject { ["partition"] = partition, ["value"] = $"event {i}" }));
        }

        await service.KillAsync();
    }

    /// <summary>Finds the files.</summary>
    public static KilledPartition Find(string dataFolder, int partition = 0)
    {
        var root = Path.Join(dataFolder, "segments");
        var path = Directory.EnumerateFiles(root, "*.log", SearchOption.AllDirectories)
            .Single(path => Path.GetFileName(Path.GetDirectoryName(path)) == $"{partition}");
        var marker = DurableMarker.Read(File.ReadAllBytes(SegmentFile.MarkerPathOf(path)));
        Assert.NotNull(marker);
        return new KilledPartition(path, Path.GetRelativePath(root, Path.GetDirectoryName(path)!).Replace('\\', '/'), marker.Value);
    }

    /// <summary>Bytes of the segment.</summary>
    public byte[] Read(long position, int count) => File.ReadAllBytes(SegmentPath).AsSpan((int)position, count).ToArray();

    /// <summary>Has the marker vouch for all but the last batch, as when the process was killed just before writing it.</summary>
    public void TakeBackMarker()
    {
        var bytes = new byte[DurableMarker.Size];
        (Marker with { Length = LastBatch.Position, AppendCount = Marker.AppendCount - 1 }).Write(bytes);
        File.WriteAllBytes(SegmentFile.MarkerPathOf(SegmentPath), bytes);
    }
}
