using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// One key with nine tenths of the traffic, against the real process: how much it costs, how soon it is found by its name, and what is left of
/// the cost once it is spread.
/// </summary>
/// <remarks>
/// A partition must be what holds the load up, or nothing would be seen: on one disk six partitions are as fast as one. So the store is made
/// one that takes a while for each append, as a far account does; an append carries at most 4 MiB, and a partition has one at a time.
/// </remarks>
[Collection(EndToEndCollection.Name)]
public sealed class HotKeyLoadTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int PartitionCount = 6;
    private const int ClientCount = 96;
    private const int RecordsOfRequest = 64;
    private const int RecordBytes = 4_000;
    private const int EvenKeys = 600;
    private const string Hot = "argentina-brazil";
    private const double ShareMin = 0.8;
    private static readonly TimeSpan AppendTime = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Measured = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FoundWithin = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task Produce_WhenAKeyHasMostOfTheTraffic_RecoversOnceItIsSpread()
    {
        OnDemand.Require(OnDemand.LoadTests);
        await using var line = await BlobLine.StartAsync(azurite.ConnectionString);
        line.HoldAppendAsync = (_, cancellationToken) => Pacing.Real.PassAsync(AppendTime, cancellationToken);
        await using var service = await ServiceProcess.StartAsync(
            dataFolder: null, port: null, workingFolder: null,
            ("OrleansStream__Storage__Provider", "AzureBlobs"),
            ("OrleansStream__Storage__AzureBlobs__ConnectionString", line.ConnectionString),
            ("OrleansStream__Storage__AzureBlobs__Container", "hot"),
            ("OrleansStream__Silo__AdvertisedAddress", "127.0.0.1"),
            ("OrleansStream__Silo__SiloPort", $"{FreePort.Find()}"),
            ("OrleansStream__Silo__GatewayPort", $"{FreePort.Find()}"));
        using var client = service.Connect();
        await client.CreateTopicAsync("even", PartitionCount);
        await client.CreateTopicAsync("hot", PartitionCount);

        double even;
        await using (var load = new KeyedLoad(service.Address, "even", hotShare: 0))
            even = await load.MeasureAsync();

        var started = Stopwatch.GetTimestamp();
        await using var hot = new KeyedLoad(service.Address, "hot", hotShare: 0.9);
        await Wait.UntilAsync("the key is found", async () => await FindHottestAsync(client) is { Key: Hot, Share: > ShareMin });
        var found = Stopwatch.GetElapsedTime(started);
        var unspread = await hot.MeasureAsync();

        // It joins the hot keys by itself.
        (await client.SendAsync(HttpMethod.Patch, "/v1/topics/hot", ServiceClient.Json(new JsonObject
        {
            ["config"] = new JsonObject { ["hot.key.spread"] = $"{PartitionCount}", ["hot.key.detection"] = "true" },
        }))).Expect(HttpStatusCode.OK);
        started = Stopwatch.GetTimestamp();
        await Wait.UntilAsync("the key is among the hot ones", async () =>
            (string?)(await client.GetAsync("/v1/topics/hot")).Body!["config"]!["hot.keys"] == Hot);
        var joined = Stopwatch.GetElapsedTime(started);
        var spread = await hot.MeasureAsync();

        TestContext.Current.TestOutputHelper!.WriteLine(
            $"even keys {even:F1} MB/s; one key with 90 % {unspread:F1} MB/s ({unspread / even:P0}), found by name after {found.TotalSeconds:F1} s, "
            + $"spread {joined.TotalSeconds:F1} s after that was allowed: {spread:F1} MB/s ({spread / even:P0})");
        Assert.True(found <= FoundWithin, $"It was found after {found}.");
        Assert.True(unspread < even / 2, "The load is not held up by a partition: nothing is shown.");
        Assert.True(spread >= 0.8 * even, "The throughput does not recover.");
    }

    private static async Task<(string? Key, double Share)> FindHottestAsync(ServiceClient client)
    {
        var load = (await client.GetAsync("/v1/topics/hot/load")).Expect(HttpStatusCode.OK).Body!;
        return load["partitions"]!.AsArray()
            .SelectMany(partition => partition!["hottest_keys"]?.AsArray() ?? [])
            .Select(key => ((string?)key!["key"], (double)key["share"]!))
            .OrderByDescending(key => key.Item2).FirstOrDefault();
    }

    /// <summary>Clients that send one request after another, each with the records of one key.</summary>
    private sealed class KeyedLoad : IAsyncDisposable
    {
        private readonly CancellationTokenSource _ended = new();
        private readonly HttpClient _http;
        private readonly Task[] _clients;
        private long _storedBytes;

        public KeyedLoad(Uri service, string topic, double hotShare)
        {
            _http = new HttpClient { BaseAddress = service, Timeout = Wait.Patience };
            _clients = [.. Enumerable.Range(0, ClientCount).Select(client => Task.Run(() => SendAsync(topic, hotShare, new Random(client))))];
        }

        /// <summary>Megabytes of values stored a second.</summary>
        public async Task<double> MeasureAsync()
        {
            await Wait.ForAsync(WarmUp);
            var (before, started) = (Interlocked.Read(ref _storedBytes), Stopwatch.GetTimestamp());
            await Wait.ForAsync(Measured);
            return (Interlocked.Read(ref _storedBytes) - before) / 1e6 / Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        public async ValueTask DisposeAsync()
        {
            await _ended.CancelAsync();
            await Task.WhenAll(_clients);
            _http.Dispose();
            _ended.Dispose();
        }

        private async Task SendAsync(string topic, double hotShare, Random random)
        {
            var value = new string('x', RecordBytes);
            while (!_ended.IsCancellationRequested)
            {
                var key = random.NextDouble() < hotShare ? Hot : $"match-{random.Next(EvenKeys)}";
                var body = new StringBuilder("{\"value_type\":\"string\",\"records\":[");
                for (var record = 0; record < RecordsOfRequest; record++)
                    body.Append(record == 0 ? "" : ",").Append($"{{\"key\":\"{key}\",\"value\":\"{value}\"}}");
                using var content = new StringContent(body.Append("]}").ToString(), Encoding.UTF8, "application/json");
                using var response = await _http.PostAsync(new Uri($"/v1/topics/{topic}/records", UriKind.Relative), content);
                Assert.Equal(HttpStatusCode.OK, response.StatusCode);
                Interlocked.Add(ref _storedBytes, RecordsOfRequest * RecordBytes);
            }
        }
    }
}
