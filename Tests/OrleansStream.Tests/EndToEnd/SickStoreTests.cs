using System.Net;
using OrleansStream.Records;
using OrleansStream.Rest.Http;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>
/// The real process under a load that does not wait for it, over a store that takes half a second an append to some partitions, then answers
/// nothing at all, and then is well again: what it holds stays bounded, whom it refuses it tells at once, what it accepted is stored once, and the
/// other partitions are not held up (invariant I10).
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class SickStoreTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const string Topic = "steady";
    private const int PartitionCount = 6;
    private const int SmallBytes = 100;

    // Of each partition, until the process's memory is that of a service at work.
    private const int CalmRequests = 30;
    private const long MiB = 1024 * 1024;
    private static readonly int[] Ill = [0, 1];
    private static readonly TimeSpan SmallEvery = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Slowness = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Refusal = TimeSpan.FromSeconds(5);

    // The service's own bound on a produce, and what a busy machine adds to it.
    private static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(35);

    // A partition holds 32 MiB that are not durable, of bodies of which the Api node has a copy of its own, two partitions do; twice as much for a
    // heap that is not collected at once, and a third time for the line's connections, and code that is compiled meanwhile.
    private const long GrowthMax = 3 * 2 * 2 * 32 * MiB;

    [Fact]
    public async Task Produce_WhileTheStoreIsSlowAndDead_IsBoundedToldInTimeAndStoredOnce()
    {
        // Enough to be above a partition's bound in two seconds.
        await using var run = await StartAsync("sick", largeBytes: (int)MiB, largeEvery: TimeSpan.FromMilliseconds(60));
        await run.WaitUntilAllStoreAsync(CalmRequests);
        var calmBytes = run.Service.MemoryBytes;
        await PassAsync(run, TimeSpan.FromSeconds(3), Slowness, isDead: false);
        await PassAsync(run, TimeSpan.FromSeconds(6), Slowness, isDead: true);
        await run.HealAsync();
        await JudgeAsync(run, calmBytes);
    }

    [Fact]
    public async Task Produce_WhenSomeOfTheStoreIsDeadForHalfAMinute_DoesNotSlowDownTheRest()
    {
        OnDemand.Require(OnDemand.LoadTests);
        await using var run = await StartAsync("sick-long", largeBytes: (int)MiB / 2, largeEvery: TimeSpan.FromMilliseconds(125));
        await Wait.ForAsync(TimeSpan.FromSeconds(5)); // code is compiled, segments are made
        var calm = run.Load.Now;
        await Wait.ForAsync(TimeSpan.FromSeconds(20));
        var calmBytes = run.Service.MemoryBytes;
        var slow = run.Load.Now;
        await PassAsync(run, TimeSpan.FromSeconds(20), Slowness, isDead: false);
        var dead = run.Load.Now;
        await PassAsync(run, TimeSpan.FromSeconds(30), Slowness, isDead: true);
        var healed = run.Load.Now;
        await run.HealAsync();
        await Wait.ForAsync(TimeSpan.FromSeconds(10));
        var rest = run.Load.Now;
        await Wait.ForAsync(TimeSpan.FromSeconds(2)); // what was sent before is answered

        // And all of it, for a while: bounded, too.
        run.Store.Befall([.. Enumerable.Range(0, PartitionCount)]);
        await PassAsync(run, TimeSpan.FromSeconds(10), TimeSpan.Zero, isDead: true);
        await run.HealAsync();
        await JudgeAsync(run, calmBytes);

        var others = run.Load.Requests.Where(request => !Ill.Contains(request.Partition)).ToList();
        var (before, during, meanwhile, after) =
            (Percentile99(others, calm, slow), Percentile99(others, slow, dead), Percentile99(others, dead, healed),
                Percentile99(others, healed, rest));
        Write($"the others' p99: calm {before.TotalMilliseconds:F1} ms, beside slow ones {during.TotalMilliseconds:F1}, beside dead ones "
            + $"{meanwhile.TotalMilliseconds:F1}, beside those that catch up {after.TotalMilliseconds:F1}");
        Assert.True(during <= 2 * before && meanwhile <= 2 * before && after <= 2 * before, "The others were held up.");
        Assert.All(others.Where(request => request.Sent < rest), request => Assert.Equal(HttpStatusCode.OK, request.Status));
    }

    private async Task<Run> StartAsync(string container, int largeBytes, TimeSpan largeEvery)
    {
        var line = await BlobLine.StartAsync(azurite.ConnectionString);
        var service = await ServiceProcess.StartAsync(
            dataFolder: null, port: null, workingFolder: null,
            ("OrleansStream__Storage__Provider", "AzureBlobs"),
            ("OrleansStream__Storage__AzureBlobs__ConnectionString", line.ConnectionString),
            ("OrleansStream__Storage__AzureBlobs__Container", container),
            ("OrleansStream__Silo__AdvertisedAddress", "127.0.0.1"),
            ("OrleansStream__Silo__SiloPort", $"{FreePort.Find()}"),
            ("OrleansStream__Silo__GatewayPort", $"{FreePort.Find()}"));
        using var client = service.Connect();
        await client.CreateTopicAsync(Topic, PartitionCount);
        var store = new SickStore(Guid.Parse((string)(await client.GetAsync($"/v1/topics/{Topic}")).Body!["id"]!));
        store.Befall(Ill);
        line.HoldAppendAsync = store.HoldAsync;
        var load = new SteadyLoad(service.Address, Topic);
        for (var partition = 0; partition < PartitionCount; partition++)
            load.Send(partition, Ill.Contains(partition) ? largeBytes : SmallBytes, Ill.Contains(partition) ? largeEvery : SmallEvery);
        var run = new Run(line, service, store, load);
        await run.WaitUntilAllStoreAsync();
        return run;
    }

    // For so long, and looks at the process's memory meanwhile.
    private static async Task PassAsync(Run run, TimeSpan time, TimeSpan delay, bool isDead)
    {
        run.Store.Set(delay, isDead);
        for (var end = run.Load.Now + time; run.Load.Now < end;)
        {
            await Wait.ForAsync(TimeSpan.FromMilliseconds(100));
            run.PeakBytes = Math.Max(run.PeakBytes, run.Service.MemoryBytes);
        }
    }

    private static async Task JudgeAsync(Run run, long calmBytes)
    {
        await run.Load.StopAsync();
        var requests = run.Load.Requests;
        // Those that were taken, and whose time was over before their turn to be written came, are certainly not stored.
        var late = requests.Where(request => request is { IsStored: false, IsUnknown: false, Status: HttpStatusCode.GatewayTimeout }).ToList();
        var refused = requests.Where(request => !request.IsStored && !request.IsUnknown).Except(late).ToList();
        var unknown = requests.Where(request => request.IsUnknown).ToList();
        Write($"{requests.Count(request => request.IsStored)} stored, {refused.Count} refused, {unknown.Count} unknown, {late.Count} too late; memory {calmBytes / MiB} MiB when calm, "
            + $"at most {run.PeakBytes / MiB}; slowest refusal {refused.Select(request => request.Took).DefaultIfEmpty().Max().TotalMilliseconds:F0} ms; "
            + $"told to come again after {string.Join(", ", refused.Select(request => request.RetryAfter?.TotalSeconds).Distinct().Order())} s");

        Assert.True(run.PeakBytes - calmBytes <= GrowthMax, $"The process grew from {calmBytes} to {run.PeakBytes} bytes.");
        Assert.NotEmpty(refused);
        Assert.All(refused, request =>
        {
            Assert.True(request.Status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable, $"{request}");
            Assert.True(request.RetryAfter >= TimeSpan.FromSeconds(1), $"{request}");
            Assert.True(request.Took <= Refusal, $"{request}");
        });
        Assert.All(unknown.Concat(late), request => Assert.True(request.Status is not null && request.Took <= AnswerMax, $"{request}"));

        using var client = run.Service.Connect();
        for (var partition = 0; partition < PartitionCount; partition++)
        {
            var stored = await ReadNamesAsync(client, partition);
            var places = stored.Select((name, offset) => (name, offset)).ToLookup(place => place.name, place => place.offset);
            Assert.All(places, place => Assert.Single(place));
            Assert.All(requests.Where(request => request.Partition == partition), request =>
            {
                int[] found = [.. places[request.Name]];
                Assert.True(request.IsStored ? found is [var offset] && offset == request.Offset : request.IsUnknown || found.Length == 0, $"{request}: {found.Length}");
            });
        }
    }

    // The keys of a partition's records, by their offsets.
    private static async Task<List<string>> ReadNamesAsync(ServiceClient client, int partition)
    {
        var names = new List<string>();
        while (true)
        {
            using var request = new HttpRequestMessage(
                HttpMethod.Get, $"/v1/topics/{Topic}/partitions/{partition}/records?offset={names.Count}&max_bytes={4 * MiB}");
            request.Headers.Add("Accept", MediaTypes.RecordBatch);
            using var response = await client.Http.SendAsync(request);
            response.EnsureSuccessStatusCode();
            var batches = await response.Content.ReadAsByteArrayAsync();
            if (batches.Length == 0)
                return names;
            Gather(batches, names);
        }
    }

    private static void Gather(byte[] batches, List<string> names)
    {
        var scanner = new RecordBatchScanner(batches);
        while (scanner.MoveNext())
        {
            using var records = new StoredBatchReader(scanner.Batch);
            while (records.TryReadNext(out var record))
            {
                if (record.Offset == names.Count)
                    names.Add(System.Text.Encoding.ASCII.GetString(record.Key));
            }
        }
    }

    // The median of what it is in a window: one moment at which the machine stands still is not the service's, and would be all there is to see.
    private static TimeSpan Percentile99(IEnumerable<SteadyRequest> requests, TimeSpan from, TimeSpan to)
    {
        var windows = requests.Where(request => request.Sent >= from && request.Sent < to)
            .GroupBy(request => (long)((request.Sent - from) / Window), request => request.Took)
            .Select(took => took.Order().ElementAt(took.Count() * 99 / 100)).Order().ToList();
        return windows[windows.Count / 2];
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    private sealed record Run(BlobLine Line, ServiceProcess Service, SickStore Store, SteadyLoad Load) : IAsyncDisposable
    {
        public long PeakBytes { get; set; }

        /// <summary>The store is well from now on; waits until every partition stores what is sent to it.</summary>
        public async Task HealAsync()
        {
            Store.Set(TimeSpan.Zero, isDead: false);
            await WaitUntilAllStoreAsync();
        }

        /// <summary>Waits until every partition has stored so many requests that were sent from now on.</summary>
        public async Task WaitUntilAllStoreAsync(int count = 1)
        {
            var since = Load.Now;
            await Wait.UntilAsync("every partition stores", () => Enumerable.Range(0, PartitionCount).All(
                partition => Load.Requests.Count(request => request.Partition == partition && request.IsStored && request.Sent > since) >= count));
        }

        public async ValueTask DisposeAsync()
        {
            // The process first: what it is asked for must not be waited for when the test has failed.
            Store.Set(TimeSpan.Zero, isDead: false);
            await Service.DisposeAsync();
            await Load.DisposeAsync();
            await Line.DisposeAsync();
        }
    }
}
