using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;

namespace OrleansStream.Tests.Soak;

/// <summary>
/// A service under a steady load for as long as <c>ORLEANSSTREAM_SOAK_MINUTES</c> says: it prints what the process takes and how long calls
/// take over time, and whether that stays as it is.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class SoakTests
{
    private const int RowCount = 30;
    private const int PartitionCount = 6;
    private const int ClientCount = 6;
    private const int RecordsPerRequest = 10;
    private const int FetchWaitMs = 500;
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    [Fact]
    public async Task Service_UnderASteadyLoad_StaysAsItIs()
    {
        Assert.SkipUnless(
            int.TryParse(Environment.GetEnvironmentVariable("ORLEANSSTREAM_SOAK_MINUTES"), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes > 0,
            "Set ORLEANSSTREAM_SOAK_MINUTES, to 60 for an hour, to run it.");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Memory, handles and threads are read from /proc.");
        using var folder = new ScratchFolder();
        await using var service = await ServiceProcess.StartAsync(folder.PathOf("data"));
        using var client = service.Connect();
        // Segments roll and are deleted all the time, so that this is part of what must stay as it is.
        await client.CreateTopicAsync("soak", PartitionCount, new JsonObject { ["segment.bytes"] = 1024 * 1024, ["retention.bytes"] = 8 * 1024 * 1024 });
        using var ended = new CancellationTokenSource();
        var (produce, fetch) = (new Latencies(), new Latencies());
        Task[] load =
        [
            .. Enumerable.Range(0, ClientCount).Select(i => Task.Run(() => ProduceAsync(service.Address, i, produce, ended.Token))),
            .. Enumerable.Range(0, PartitionCount).Select(i => Task.Run(() => FollowAsync(service.Address, i, fetch, ended.Token))),
        ];

        Write("minute  memory MiB  handles  threads  produce p50/p99 ms  fetch p50/p99 ms  requests");
        var rows = new List<SoakRow>();
        for (var row = 1; row <= RowCount; row++)
        {
            await Wait.ForAsync(TimeSpan.FromMinutes(minutes) / RowCount);
            rows.Add(new SoakRow(
                (double)minutes * row / RowCount, service.MemoryBytes / 1048576.0, service.HandleCount, service.ThreadCount, produce.Take(),
                fetch.Take()));
            Write(rows[^1].ToString());
        }

        await ended.CancelAsync();
        await Task.WhenAll(load);
        // The first third is for warming up.
        var risen = SoakRow.FindRisen(rows.Skip(RowCount / 3).ToList());
        Write(risen.Count == 0 ? "flat" : "not flat: " + string.Join("; ", risen));
        Assert.Empty(risen);
    }

    private static async Task ProduceAsync(Uri address, int seed, Latencies latencies, CancellationToken ended)
    {
        using var client = new ServiceClient(address);
        var random = new Random(seed);
        while (!ended.IsCancellationRequested)
        {
            var body = new JsonObject
            {
                ["records"] = new JsonArray([.. Enumerable.Range(0, RecordsPerRequest).Select(
                    _ => new JsonObject { ["key"] = $"{random.Next(1_000)}", ["value"] = new string('x', random.Next(1_000)) })]),
            };
            var started = Stopwatch.GetTimestamp();
            (await client.PostAsync("/v1/topics/soak/records", body)).Expect(HttpStatusCode.OK);
            latencies.Add(started);
            await Wait.ForAsync(Pace);
        }
    }

    private static async Task FollowAsync(Uri address, int partition, Latencies latencies, CancellationToken ended)
    {
        using var client = new ServiceClient(address);
        for (var offset = 0L; !ended.IsCancellationRequested;)
        {
            var started = Stopwatch.GetTimestamp();
            var answer = await client.GetAsync($"/v1/topics/soak/partitions/{partition}/records?offset={offset}&wait_ms={FetchWaitMs}");
            latencies.Add(started);
            // Retention may have been faster.
            offset = answer.Status == HttpStatusCode.OK
                ? (long)answer.Body!["next_offset"]!
                : (long)answer.Expect(HttpStatusCode.RequestedRangeNotSatisfiable).Body!["log_start_offset"]!;
        }
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>How long the calls took since the last row.</summary>
    private sealed class Latencies
    {
        private readonly List<double> _ms = [];

        public void Add(long started)
        {
            lock (_ms)
                _ms.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        public (int Count, double P50, double P99) Take()
        {
            lock (_ms)
            {
                _ms.Sort();
                var taken = (_ms.Count, At(0.5), At(0.99));
                _ms.Clear();
                return taken;
            }
        }

        private double At(double part) => _ms.Count == 0 ? 0 : _ms[(int)((_ms.Count - 1) * part)];
    }
}

/// <summary>What was measured at one time.</summary>
internal sealed record SoakRow(
    double Minute, double MemoryMiB, int Handles, int Threads, (int Count, double P50, double P99) Produce, (int Count, double P50, double P99) Fetch)
{
    // What a garbage collector and a pool of threads do of themselves.
    private const double RiseMax = 1.25;
    private const double MemoryMiBMore = 32;
    private const double CountMore = 16;
    private const double MsMore = 20;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Minute,6:F1}  {MemoryMiB,10:F0}  {Handles,7}  {Threads,7}  {Produce.P50,8:F1} / {Produce.P99,7:F1}  {Fetch.P50,6:F1} / {Fetch.P99,7:F1}  {Produce.Count + Fetch.Count,8}");

    /// <summary>What is higher in the last third than in the first, by more than it does of itself; of the medians of both.</summary>
    public static List<string> FindRisen(IReadOnlyList<SoakRow> rows)
    {
        var third = Math.Max(1, rows.Count / 3);
        var risen = new List<string>();
        Compare("memory", row => row.MemoryMiB, MemoryMiBMore);
        Compare("handles", row => row.Handles, CountMore);
        Compare("threads", row => row.Threads, CountMore);
        Compare("produce p50", row => row.Produce.P50, MsMore);
        Compare("fetch p50", row => row.Fetch.P50, MsMore);
        return risen;

        void Compare(string what, Func<SoakRow, double> of, double more)
        {
            var (first, last) = (Median(rows.Take(third).Select(of)), Median(rows.TakeLast(third).Select(of)));
            if (last > (first * RiseMax) + more)
                risen.Add(string.Create(CultureInfo.InvariantCulture, $"{what} rose from {first:F1} to {last:F1}"));
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
