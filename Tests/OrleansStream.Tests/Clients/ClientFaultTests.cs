using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using OrleansStream.Client;
using OrleansStream.Client.Producing;
using OrleansStream.Contracts;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// The client over a cluster of processes whose silos and Api nodes are killed one after the other: nothing that it said is stored is lost, nothing
/// is doubled or out of order, its consumers see no error, and its memory does not grow with what it has sent.
/// </summary>
public sealed class ClientFaultTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    /// <summary>For how many minutes nodes are killed; the test is skipped when it is not set.</summary>
    private const string Variable = "ORLEANSSTREAM_CLIENT_FAULT_MINUTES";

    private const string Topic = "matches";
    private const int PartitionCount = 6;
    private const int ProducerCount = 3;
    private const int BatchRecords = 20;
    private const int PaddingMax = 300;

    /// <summary>By how much managed memory may grow from a client that has done nothing to one that has run: pools, connections.</summary>
    private const long GrowthBytesMax = 8 * 1024 * 1024;

    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SettlingMax = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan PoolsTrimmedMax = TimeSpan.FromMinutes(3);

    private CallHistory _history = new();
    private ConcurrentDictionary<Place, int> _delivered = new();
    private ConcurrentDictionary<string, Place> _lastOfKey = new();
    private ConcurrentQueue<string> _findings = new();
    private int _nextProducer;

    [Fact]
    public async Task Client_WhileNodesAreKilled_LosesDoublesAndReordersNothing()
    {
        var text = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipUnless(double.TryParse(text, CultureInfo.InvariantCulture, out var minutes), $"On demand: set {Variable}.");
        var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "client-faults", silos: 3, apis: 2);
        try
        {
            using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [.. cluster.Apis] });
            await client.Admin.Topics.CreateAsync(
                Topic, PartitionCount, new Dictionary<string, string> { ["segment.bytes"] = "65536", ["retention.ms"] = "-1", ["retention.bytes"] = "-1" });
            using var stopProducers = new CancellationTokenSource();
            using var stopConsumers = new CancellationTokenSource();
            StreamProducer[] producers = [.. Enumerable.Range(0, ProducerCount).Select(number => Producer(client, number))];
            var before = MemoryInUse();
            Task[] consumers = [.. Enumerable.Range(0, 2).Select(_ => ConsumeAsync(client, stopConsumers.Token))];
            var sends = producers.Select((producer, number) => ProduceAsync(producer, new Random(TestSeed.Value + number), stopProducers.Token));
            Task[] work = [KillAsync(cluster, TimeSpan.FromMinutes(minutes), stopProducers), .. sends];
            await Task.WhenAll(work);
            var stored = await JudgeAsync(client, cluster);

            // What is left is the client: the service's processes and the history, which grow, are let go of. The consumers run on.
            await cluster.DisposeAsync();
            cluster = null;
            (_history, _delivered, _lastOfKey, _findings) = (new(), new(), new(), new());
            // The judge's lists came of .NET's pools of arrays, which keep arrays for a minute after their last use. What the client keeps stays.
            var (growth, first) = (0L, MemoryInUse() - before);
            var isFlat = await Wait.TryUntilAsync(() => Task.FromResult((growth = MemoryInUse() - before) <= GrowthBytesMax), PoolsTrimmedMax);
            Write($"the client has grown by {growth >> 10} KiB, over {stored} records; with .NET's pools it was {first >> 10} KiB at first");
            Assert.True(isFlat, $"It has grown by {growth} bytes; at most {GrowthBytesMax} are expected.");
            await stopConsumers.CancelAsync();
            await Task.WhenAll(consumers);
            foreach (var producer in producers)
                await producer.DisposeAsync();
        }
        finally
        {
            if (cluster is not null)
                await cluster.DisposeAsync();
        }
    }

    private async Task<int> JudgeAsync(OrleansStreamClient client, ClusterProcesses cluster)
    {
        Place[] stored = [.. _history.Calls.OfType<ProduceCall>().SelectMany(call => call.Results).Where(
            result => result.Outcome == CallOutcome.Ok).Select(result => result.Place)];
        await Wait.UntilAsync("every record is delivered", () => Task.FromResult(stored.All(_delivered.ContainsKey)), SettlingMax);
        LagAnswer? lag = null;
        await Wait.UntilAsync("every record is committed", async () => (lag = await client.Admin.Groups.GetLagAsync("scoreboard")).Lag == 0);
        using var reader = new ServiceClient(cluster.Apis[0]);
        List<string> findings =
            [.. _findings, .. HistoryJudge.Judge(_history.Calls, await HistoryClient.ReadAllAsync(reader, Topic, PartitionCount), mayBeStale: true)];
        Write($"{stored.Length} records stored, {_history.Count(CallOutcome.Unknown)} unknown, {_history.Count(CallOutcome.Failed)} failed; "
            + $"{_delivered.Values.Sum()} deliveries; lag {lag!.Lag}");
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
        Assert.True(stored.Length > 1000, "Hardly anything was stored.");
        return stored.Length;
    }

    private static long MemoryInUse()
    {
        // Twice: the first collection's finalizers let go of more.
        for (var i = 0; i < 2; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Forced, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    // A silo and an Api node in turn; each is there again before the next one goes.
    private static async Task KillAsync(ClusterProcesses cluster, TimeSpan duration, CancellationTokenSource stopProducers)
    {
        var random = new Random(TestSeed.Value);
        var started = Stopwatch.GetTimestamp();
        var kills = 0;
        while (Stopwatch.GetElapsedTime(started) < duration)
        {
            await Wait.ForAsync(BetweenKills);
            if (kills++ % 2 == 0)
            {
                await cluster.KillAsync(cluster.Silos[random.Next(cluster.Silos.Count)]);
                await Wait.ForAsync(BetweenKills / 2);
                await cluster.AddSiloAsync();
            }
            else
            {
                var api = random.Next(cluster.Apis.Count);
                await cluster.KillApiAsync(api);
                await Wait.ForAsync(BetweenKills / 2);
                await cluster.StartApiAgainAsync(api);
            }

        }

        Write($"{kills} kills");
        await stopProducers.CancelAsync();
    }

    private static StreamProducer Producer(OrleansStreamClient client, int number) => client.CreateProducer(Topic, options =>
    {
        options.Retries = 50;
        options.Compression = (Compression)new Random(TestSeed.Value + number).Next(5);
    });

    private async Task ProduceAsync(StreamProducer producer, Random random, CancellationToken stop)
    {
        var (number, next) = (Interlocked.Increment(ref _nextProducer), 0L);
        while (!stop.IsCancellationRequested)
        {
            JsonObject[] records = [
                .. Enumerable.Range(0, BatchRecords).Select(_ => HistoryRecord.Make(new Sending(number, next++), partition: -1, PaddingMax, random))];
            var call = _history.Begin(new ProduceCall($"producer-{number}", [.. records.Select(HistoryRecord.Parse)]));
            var results = await producer.SendAsync(
                [.. records.Select(record => new OutgoingRecord<string>((string?)record["key"], record["value"]!.ToJsonString()))], CancellationToken.None);
            for (var i = 0; i < results.Count; i++)
            {
                call.Results[i] = results[i].Error is { } error
                    ? new SentResult(error.IsOutcomeUnknown ? CallOutcome.Unknown : CallOutcome.Failed, default)
                    : results[i].Offset < 0 ? new SentResult(CallOutcome.Unknown, default)
                    : new SentResult(CallOutcome.Ok, new Place(results[i].Partition, results[i].Offset));
            }

            var outcomes = call.Results.Select(result => result.Outcome).Distinct().ToList();
            call.End(outcomes is [var same] ? same : CallOutcome.Unknown, Stopwatch.GetTimestamp());
            // Whose records are open goes on under another line of numbers.
            if (outcomes.Contains(CallOutcome.Unknown))
                (number, next) = (Interlocked.Increment(ref _nextProducer), 0L);
            // The producer answers first, and then gives the memory back.
            await Wait.UntilAsync("all that is answered gives its memory back", () => Task.FromResult(producer.BufferedBytes == 0));
        }
    }

    private Task ConsumeAsync(OrleansStreamClient client, CancellationToken stop) => client.Consume<string>("scoreboard", Topic, options =>
    {
        options.Concurrency = 4;
        options.Lease = TimeSpan.FromSeconds(10);
        options.MaxWait = TimeSpan.FromSeconds(5);
        options.RetryPolicy = new RetryPolicyRequest();
    }).RunAsync(
        (record, _) =>
        {
            var place = new Place(record.Partition, record.Offset);
            if (_delivered.AddOrUpdate(place, 1, (_, times) => times + 1) > 1)
                return Task.CompletedTask;
            // Of a key's records, one that comes for the first time is later than all before.
            _lastOfKey.AddOrUpdate(record.Key!, place, (key, last) =>
            {
                if (last.Offset > place.Offset)
                    _findings.Enqueue($"{place} of key {key} was delivered first after {last}");
                return place;
            });
            return Task.CompletedTask;
        },
        stop);
}
