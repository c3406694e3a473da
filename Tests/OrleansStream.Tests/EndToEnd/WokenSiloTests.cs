using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using OrleansStream.Partitions;
using OrleansStream.Storage.Azure;
using OrleansStream.Tests.History;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Processes;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What is taken out of the way from the woken silo to the store.</summary>
public enum WithoutMechanism
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The condition that a segment ends where the silo believes: what fences make false.</summary>
    PositionCondition,

    /// <summary>The condition that a manifest, or a group's document, is still the version that the silo knows.</summary>
    EtagCondition,
}

/// <summary>
/// A silo hangs until others serve its partitions, wakes, and works on with what it believes: it tries to append, to roll, to
/// delete and to commit, and nothing of that takes effect (I1). Each of its requests is seen on its own line to the store, and judged by itself. Once
/// refused, it may open a partition anew, as its rightful next leader with a higher epoch, until it learns that it was declared dead.
/// </summary>
[Collection(EndToEndCollection.Name)]
public sealed class WokenSiloTests(AzuriteFixture azurite) : IClassFixture<AzuriteFixture>
{
    private const int PartitionCount = 6;
    private const int ServedGroupCount = 3;
    private const string Appends = "appends";
    private const string Rolls = "rolls";
    private const string Deletions = "deletions";

    /// <summary>The topic whose offsets are committed. Only offsets that exist can be, so it has as many records as the highest.</summary>
    private const string Committed = "committed";
    private const int CommitsMax = 3;

    // A goal on an idle machine; what is asserted leaves room for one that is busy with other work.
    private static readonly TimeSpan TakeoverGoal = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan TakeoverMax = TimeSpan.FromSeconds(45);

    // A silo that is kept from the list of members runs on for this long, whatever happens.
    private static readonly TimeSpan AfterWakingMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(500);

    private static readonly string[] Topics = [Appends, Rolls, Deletions];
    private static int _number;

    private readonly List<(string Topic, int Partition)> _led = [];
    private readonly List<string> _groups = [];

    [Theory]
    [InlineData(WithoutMechanism.None)]
    [InlineData(WithoutMechanism.PositionCondition, LateKind.Append)]
    [InlineData(WithoutMechanism.EtagCondition, LateKind.Roll, LateKind.Deletion, LateKind.Commit)]
    public async Task Wake_AfterItsPartitionsMoved_TakesEffectOnlyWhereAMechanismIsOut(WithoutMechanism without, params LateKind[] effects)
    {
        // A minute for each, and half a dozen processes: on demand.
        OnDemand.Require(OnDemand.ClusterTests);
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The signals are Linux's.");
        var name = $"woken-{(int)without}";
        await using var line = await BlobLine.StartAsync(azurite.ConnectionString);
        await using var cluster = await ClusterProcesses.StartAsync(azurite.ConnectionString, name, silos: 2, apis: 1);
        // A silo with an Api in its process, so that requests reach what it leads without asking anybody else.
        var victim = await cluster.AddSiloAsync(line.ConnectionString, withApi: true);
        using var client = new ServiceClient(cluster.Apis[0]);
        var container = AzureBlobContainer.Open(serviceUri: null, azurite.ConnectionString, name, TimeProvider.System);
        var held = await PrepareAsync(cluster, victim, client, line);
        using var late = new LateRequests(victim.Process.Address);
        // A group looks at its document before it commits, if it has not for a while. So a late commit is one that has looked, and is on its way.
        line.HoldsWritesOf = LateWrites.IsOfGroup;
        late.SendCommits(_groups);
        await Wait.UntilAsync("commits are on their way", () => line.HeldCount >= _groups.Count);

        var hungAt = Stopwatch.GetTimestamp();
        victim.Process.Signal(Signals.Suspend);
        await Wait.UntilAsync("it is stopped", () => victim.Process.IsSuspended);
        var hung = await StoredDocuments.ReadAsync(container);
        late.Send(_led, _groups);
        await TakeOverAsync(cluster);
        var gap = Stopwatch.GetElapsedTime(hungAt);
        Write($"taken over after {gap.TotalSeconds:F1} s; goal {TakeoverGoal.TotalSeconds} s");
        Assert.True(gap < TakeoverMax, $"It took {gap}.");
        foreach (var group in _groups)
            await CommitAsync(client, group, offset: 2);

        var writes = new LateWrites(hung, await StoredDocuments.ReadAsync(container), held);
        line.DropsPositionConditions = without == WithoutMechanism.PositionCondition;
        if (without == WithoutMechanism.EtagCondition)
            line.DropsEtagConditionOf = LateWrites.IsManifestOrGroup;
        // It would learn at once that it was declared dead.
        line.SwallowsReadsOf = blob => blob.EndsWith("/membership.json", StringComparison.Ordinal);
        var wokenAt = Stopwatch.GetTimestamp();
        victim.Process.Signal(Signals.Continue);
        line.Release();
        List<LateWrite> found = [];
        do
        {
            late.Send(_led, _groups);
            await Wait.ForAsync(Pace);
            found = writes.Judge(line.Calls.Where(call => call.Asked >= wokenAt), await StoredDocuments.ReadAsync(container));
        }
        while (!victim.Process.HasExited && Stopwatch.GetElapsedTime(wokenAt) < AfterWakingMax
            && (effects.Length == 0 || !EffectsOf(found).IsSupersetOf(effects)));

        Write($"woken, it {(victim.Process.HasExited ? "ended itself" : "ran on")}; {late.Count} requests were sent at it; what it then asked late of the store:");
        found.ForEach(write => Write($"  {write.Kind} {write.Blob}: {write.Status}{(write.TookEffect ? ", which took effect" : "")}"));
        if (without != WithoutMechanism.None)
        {
            Assert.Superset(effects.ToHashSet(), EffectsOf(found));
            return;
        }

        Assert.DoesNotContain(found, write => write.TookEffect);
        // And it did try, each of them.
        Assert.All(
            [LateKind.Append, LateKind.Roll, LateKind.Deletion, LateKind.Commit],
            kind => Assert.Contains(found, write => write.Kind == kind && write.IsRefused));
        foreach (var log in held)
            Assert.Empty((await StoredLog.ReadAsync(container.Segments, container.Documents, log)).Findings);
        // What a manifest names, nobody deleted.
        foreach (var (topic, partition) in _led)
            await client.ReadAllAsync(topic, partition);
    }

    private static HashSet<LateKind> EffectsOf(List<LateWrite> writes) =>
        [.. writes.Where(write => write.TookEffect).Select(write => write.Kind)];

    // Finds what the silo leads, and has a roll become due while it hangs. Gives the names of the logs.
    private async Task<string[]> PrepareAsync(ClusterProcesses cluster, ClusterSilo victim, ServiceClient client, BlobLine line)
    {
        var held = new List<string>();
        foreach (var topic in Topics)
        {
            await client.CreateTopicAsync(topic, PartitionCount, topic == Rolls ? new JsonObject { ["segment.ms"] = 1_000 } : null);
            var leaders = await cluster.FindLeadersAsync(topic);
            var led = Enumerable.Range(0, PartitionCount).Where(partition => leaders[partition] == victim).ToList();
            Assert.NotEmpty(led);
            _led.AddRange(led.Select(partition => (topic, partition)));
            var id = Guid.Parse((string)(await client.GetAsync($"/v1/topics/{topic}")).Body!["id"]!);
            held.AddRange(led.Select(partition => new PartitionKey(id, partition).ToString()));
        }

        await client.CreateTopicAsync(Committed, partitions: 1);
        await client.ProduceAsync(Committed, Enumerable.Range(0, CommitsMax).Select(i => new JsonObject { ["value"] = i }));

        // Groups that it serves: their documents come by its line.
        for (var i = 0; _groups.Count < ServedGroupCount; i++)
        {
            var group = $"group-{i}";
            var before = CountCommits();
            await CommitAsync(client, group, offset: 1);
            if (CountCommits() > before)
                _groups.Add(group);
        }

        // Last of all, so that the records of its rolls are in a segment that is active yet.
        foreach (var (topic, partition) in _led)
            (await PostAsync(client, topic, partition, "early")).Expect(HttpStatusCode.OK);
        return [.. held];

        int CountCommits() => line.Calls.Count(call => call.Method == "PUT" && LateWrites.IsOfGroup(call.Blob));
    }

    // By many requests at once: one that was on its way to the hung silo waits long.
    private async Task TakeOverAsync(ClusterProcesses cluster)
    {
        using var client = new ServiceClient(cluster.Apis[0]);
        foreach (var (topic, partition) in _led)
        {
            var attempts = new List<Task<Answer>>();
            await Wait.UntilAsync($"partition {partition} of {topic} serves", async () =>
            {
                attempts.Add(PostAsync(client, topic, partition, "taken over"));
                await Task.WhenAny([.. attempts, Wait.ForAsync(TimeSpan.FromSeconds(1))]);
                var answers = await Task.WhenAll(attempts.Where(attempt => attempt.IsCompletedSuccessfully));
                return answers.Any(answer => answer.Status == HttpStatusCode.OK);
            });
            _ = Task.WhenAll(attempts).ContinueWith(all => all.Exception, TaskScheduler.Default);
        }
    }

    private static Task CommitAsync(ServiceClient client, string group, long offset) => Wait.UntilAsync(
        $"{group} commits", async () => (await TryCommitAsync(client, group, offset)).Status == HttpStatusCode.OK);

    private static Task<Answer> TryCommitAsync(ServiceClient client, string group, long offset) => client.SendAsync(
        HttpMethod.Put, $"/v1/groups/{group}/offsets", ServiceClient.Json(new JsonObject
        {
            ["offsets"] = new JsonArray(new JsonObject { ["topic"] = Committed, ["partition"] = 0, ["offset"] = offset }),
        }));

    private static Task<Answer> PostAsync(ServiceClient client, string topic, int partition, string value) => client.PostAsync(
        $"/v1/topics/{topic}/partitions/{partition}/records",
        new JsonObject { ["records"] = new JsonArray(new JsonObject { ["value"] = Said(value) }) });

    // As the history's judge reads records.
    private static JsonObject Said(string what) => new()
    {
        ["producer"] = 0,
        ["number"] = Interlocked.Increment(ref _number),
        ["said"] = what,
    };

    private static void Write(string line) => TestContext.Current.TestOutputHelper!.WriteLine(line);

    /// <summary>Requests to a silo that does not answer; what they come to does not matter.</summary>
    private sealed class LateRequests(Uri address) : IDisposable
    {
        private readonly ServiceClient _client = new(address);

        public int Count { get; private set; }

        public void Send(List<(string Topic, int Partition)> led, List<string> groups)
        {
            foreach (var (topic, partition) in led)
            {
                Send(topic == Deletions
                    ? _client.SendAsync(HttpMethod.Delete, $"/v1/topics/{topic}/partitions/{partition}/records?before_offset=1")
                    : PostAsync(_client, topic, partition, "late"));
            }

            SendCommits(groups);
        }

        public void SendCommits(List<string> groups)
        {
            foreach (var group in groups)
                Send(TryCommitAsync(_client, group, CommitsMax));
        }

        public void Dispose() => _client.Dispose();

        private void Send(Task request)
        {
            Count++;
            _ = request.ContinueWith(ended => ended.Exception, TaskScheduler.Default);
        }
    }
}
