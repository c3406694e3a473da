using System.Globalization;
using System.Text;
using OrleansStream.Comparison.Driving;
using OrleansStream.Comparison.Limits;
using OrleansStream.Comparison.Processes;
using OrleansStream.Comparison.Protocols;
using OrleansStream.Comparison.Reporting;
using OrleansStream.Comparison.Rows;

namespace OrleansStream.Comparison.Scaling;

/// <summary>How throughput and latency change with partitions, record size, batch size, connections and the log's length.</summary>
/// <param name="isQuick">True for fewer points and shorter ones.</param>
internal sealed class ScalingRun(bool isQuick)
{
    private const int ValueBytes = 1024;
    private const int BatchRecords = 100;
    private const int Connections = 16;
    private const int PartitionsOfTopic = 1_000;
    private TimeSpan Duration => TimeSpan.FromSeconds(isQuick ? 1.5 : 5);

    /// <summary>Measures, and writes a page with its plots.</summary>
    /// <param name="folder">Where to.</param>
    public async Task RunAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        ScalingSeries[] all =
        [
            await RecordSizeAsync(), await BatchSizeAsync(), await ConnectionsAsync(), await PartitionsAsync(), await LogLengthAsync(),
        ];
        var page = new StringBuilder(
            $"# How cost grows\n\nMade by `dotnet run -c Release --project Tests/Benchmarks/Comparison -- scaling{(isQuick ? " --quick" : "")}`. "
            + "Durable produce (`acks` all) of texts as JSON, client and service on the same processors. Each point is one run, so look at the shape and not at a single point.\n");
        foreach (var series in all)
        {
            await File.WriteAllTextAsync(Path.Join(folder, $"{series.Name}.svg"), SvgPlot.Draw(series));
            page.Append(Section(series));
        }

        await File.WriteAllTextAsync(Path.Join(folder, "README.md"), page.ToString());
    }

    private async Task<ScalingSeries> RecordSizeAsync()
    {
        int[] sizes = isQuick ? [10, 1_024, 65_536, 1_048_000] : [10, 100, 1_024, 10_240, 102_400, 1_048_000];
        return new ScalingSeries("record-size", "Record size", "bytes a record", $"requests of about 100 KB, {Connections} connections",
            await EachAsync(sizes, size => Json(size, Math.Clamp(100_000 / size, 1, 1_000)), _ => Connections));
    }

    private async Task<ScalingSeries> BatchSizeAsync()
    {
        int[] counts = isQuick ? [1, 10, 100, 1_000] : [1, 3, 10, 30, 100, 300, 1_000, 3_000];
        return new ScalingSeries("batch-size", "Records a request", "records", $"records of {ValueBytes} B, {Connections} connections",
            await EachAsync(counts, count => Json(ValueBytes, count), _ => Connections));
    }

    private async Task<ScalingSeries> ConnectionsAsync()
    {
        int[] counts = isQuick ? [1, 8, 64, 256] : [1, 2, 4, 8, 16, 32, 64, 128, 256];
        return new ScalingSeries("connections", "Connections", "connections", $"one record of {ValueBytes} B a request",
            await EachAsync(counts, _ => Json(ValueBytes, 1), count => count));
    }

    private async Task<ScalingSeries> PartitionsAsync()
    {
        int[] counts = [1, 10, 100, 1_000, 10_000];
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        for (var topic = 0; topic * PartitionsOfTopic < counts[^1]; topic++)
            await service.CreateTopicAsync($"spread-{topic}", PartitionsOfTopic);
        var load = Json(ValueBytes, 1);
        var points = new List<ScalingPoint>();
        foreach (var count in counts)
        {
            // Each partition is opened before it is measured.
            var requests = Enumerable.Range(0, count)
                .Select(i => HttpRequests.Post(PathOf(i), load.ContentType, load.Body)).ToList();
            Filler.Fill(new LoadPlan(service.Port, Connections, 1, Share(requests)), count);
            points.Add(Measure(count, ValueBytes, new LoadPlan(service.Port, 64, 1, Share(requests)) { Duration = Duration }));
        }

        return new ScalingSeries(
            "partitions", "Partitions written to in turn", "partitions", $"one record of {ValueBytes} B a request, 64 connections", points);
    }

    private async Task<ScalingSeries> LogLengthAsync()
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        await service.CreateTopicAsync("long", 1, ("retention.bytes", "-1"));
        var fill = ProduceLoad.Encoded(SampleRecords.Text(ValueBytes), 900);
        var plan = Sides.Plan(service, "long", Json(ValueBytes, BatchRecords), Connections) with { Duration = Duration };
        int[] megabytes = isQuick ? [1, 128, 1_024] : [1, 128, 512, 2_048, 8_192];
        var points = new List<ScalingPoint>();
        foreach (var length in megabytes)
        {
            var missing = ((long)length << 20) - (await service.CountRecordsAsync("long") * ValueBytes);
            if (missing > fill.Bytes)
                Filler.Fill(Sides.Plan(service, "long", fill, 2), missing / fill.Bytes);
            points.Add(Measure(length, ValueBytes, plan));
        }

        return new ScalingSeries(
            "log-length", "Length of the log", "MiB in the partition", $"batches of {BatchRecords} records of {ValueBytes} B, {Connections} connections", points);
    }

    private async Task<List<ScalingPoint>> EachAsync(int[] values, Func<int, ProduceLoad> loadOf, Func<int, int> connectionsOf)
    {
        using var folder = new ScratchFolder();
        using var service = await Service.StartAsync(folder.Path);
        await Sides.ProduceAsync(service, loadOf(values[0]), connectionsOf(values[0]), Duration);
        var points = new List<ScalingPoint>();
        foreach (var value in values)
        {
            RawDisk.SettleSystem();
            var result = await Sides.ProduceAsync(service, loadOf(value), connectionsOf(value), Duration);
            points.Add(PointOf(value, result));
        }

        return points;
    }

    private static ScalingPoint Measure(double x, int recordBytes, LoadPlan plan)
    {
        RawDisk.SettleSystem();
        var result = Load.Run(plan);
        return PointOf(x, result with { BytesPerSecond = result.RecordsPerSecond * recordBytes });
    }

    private static ScalingPoint PointOf(double x, LoadResult result)
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"    {x,9:0} {Figure.Show(result.RecordsPerSecond),8} rec/s {result.BytesPerSecond / 1e6,8:0.0} MB/s p50 {result.P50Ms:0.00} ms p99 {result.P99Ms:0.00} ms"));
        return new ScalingPoint(x, result.BytesPerSecond / 1e6, result.RecordsPerSecond, result.P50Ms, result.P99Ms);
    }

    private static Func<int, Exchange> Share(IReadOnlyList<byte[]> requests)
    {
        var list = new RequestList(requests);
        return _ => new ListedRequestsExchange(list);
    }

    private static string PathOf(int i) => $"/v1/topics/spread-{i / PartitionsOfTopic}/partitions/{i % PartitionsOfTopic}/records";

    private static ProduceLoad Json(int size, int count) => ProduceLoad.Json(SampleRecords.Text(size), isText: true, count);

    private static string Section(ScalingSeries series)
    {
        var text = new StringBuilder(
            $"\n## {series.Title}\n\nWith {series.Setting}.\n\n![{series.Title}]({series.Name}.svg)\n\n"
            + $"| {series.XTitle} | records/s | MB/s | p50 ms | p99 ms |\n|---:|---:|---:|---:|---:|\n");
        foreach (var point in series.Points)
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {point.X:0} | {Figure.Show(point.RecordsPerSecond)} | {Figure.Show(point.MegabytesPerSecond)} | {Figure.Show(point.P50Ms)} | {Figure.Show(point.P99Ms)} |\n");
        }

        return text.ToString();
    }
}
