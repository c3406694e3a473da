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
/// is doubled or out of order, and its consumers see no error.
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

    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SettlingMax = TimeSpan.FromMinutes(4);

    private readonly CallHistory _history = new();
    private readonly ConcurrentDictionary<Place, int> _delivered = new();
    private readonly ConcurrentDictionary<string, Place> _lastOfKey = new();
    private readonly ConcurrentQueue<string> _findings = new();
    private int _nextProducer;

    [Fact]
    public async Task Client_WhileNodesAreKilled_LosesDoublesAndReordersNothing()
    {
        var text = Environment.GetEnvironmentVariable(Variable);
        Assert.SkipUnless(double.TryParse(text, CultureInfo.InvariantCulture, out var minutes), $"On demand: set {Variable}.");
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, "client-faults", silos: 3, apis: 2);
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [.. cluster.Apis] });
        await client.Admin.Topics.CreateAsync(
            Topic, PartitionCount, new Dictionary<string, string> { ["segment.bytes"] = "65536", ["retention.ms"] = "-1", ["retention.bytes"] = "-1" });
        using var stopProducers = new CancellationTokenSource();
        using var stopConsumers = new CancellationTokenSource();
        Task[] consumers = [.. Enumerable.Range(0, 2).Select(_ => ConsumeAsync(client, stopConsumers.Token))];
        Task[] producers = [
            .. Enumerable.Range(0, ProducerCount).Select(number => ProduceAsync(client, new Random(TestSeed.Value + number), stopProducers.Token))];

        var kills = await KillAsync(cluster, TimeSpan.FromMinutes(minutes));
        await stopProducers.CancelAsync();
        await Task.WhenAll(producers);
        Place[] stored = [.. _history.Calls.OfType<ProduceCall>().SelectMany(call => call.Results).Where(
            result => result.Outcome == CallOutcome.Ok).Select(result => result.Place)];
        await Wait.UntilAsync("every record is delivered", () => Task.FromResult(stored.All(_delivered.ContainsKey)), SettlingMax);
        await stopConsumers.CancelAsync();
        await Task.WhenAll(consumers);

        using var reader = new ServiceClient(cluster.Apis[0]);
        List<string> findings =
            [.. _findings, .. HistoryJudge.Judge(_history.Calls, await HistoryClient.ReadAllAsync(reader, Topic, PartitionCount), mayBeStale: true)];
        var lag = await client.Admin.Groups.GetLagAsync("scoreboard");
        Write($"{kills} kills; {stored.Length} records stored, {_history.Count(CallOutcome.Unknown)} unknown, {_history.Count(CallOutcome.Failed)} failed; "
            + $"{_delivered.Values.Sum()} deliveries; lag {lag.Lag}");
        Assert.True(findings.Count == 0, $"{findings.Count} findings.\n{string.Join('\n', findings.Take(20))}");
        Assert.True(stored.Length > 1000, "Hardly anything was stored.");
        Assert.Equal(0, lag.Lag);
    }

    private static void Write(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);

    // A silo and an Api node in turn; each is there again before the next one goes.
    private static async Task<int> KillAsync(ClusterProcesses cluster, TimeSpan duration)
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

            if (kills % 6 == 1)
                Write($"after {Stopwatch.GetElapsedTime(started).TotalMinutes:F1} min: {GC.GetTotalMemory(forceFullCollection: true) >> 20} MiB in use");
        }

        return kills;
    }

    private async Task ProduceAsync(OrleansStreamClient client, Random random, CancellationToken stop)
    {
        await using var producer = client.CreateProducer(Topic, options =>
        {
            options.Retries = 50;
            options.Compression = (Compression)random.Next(5);
        });
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
