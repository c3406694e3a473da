using OrleansStream.Errors;
using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Producers;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Tests.Cluster;

/// <summary>Producers whose calls are lost and whose servers die: each record is stored once, in its order. On a cluster of their own.</summary>
public abstract class IdentityClusterTests : IAsyncLifetime
{
    private protected const int ProducerCount = 6;
    private const int RequestCount = 60;
    private protected readonly LossyCalls _calls = new(TestSeed.Value);
    private protected readonly ClusterFixture _cluster;

    protected IdentityClusterTests(bool areCallsDirect) => _cluster = new ClusterFixture
    {
        AreCallsDirect = areCallsDirect,
        ConfigureSilo = silo => silo.AddOutgoingGrainCallFilter(_calls),
    };

    public ValueTask InitializeAsync() => _cluster.InitializeAsync();

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return _cluster.DisposeAsync();
    }

    [Fact]
    public async Task Append_WhenCallsAreLostAndASiloIsKilled_StoresEachRecordOnceInOrderAndNoProducerSeesAnError()
    {
        // Records of one request become many batches of a partition.
        var topic = await _cluster.CreateAsync(4, ("max.message.bytes", "300"));
        var appender = MakeAppender();
        var victim = _cluster.Cluster.Silos[1];
        _calls.IsOn = true;

        Task<List<Acked>>[] producers = [.. Enumerable.Range(0, ProducerCount).Select(producer => ProduceAsync(
            topic, producer, async request =>
            {
                var outcome = await appender.AppendAsync(Caller.Anonymous, topic.Name, Records(request));
                Assert.Null(outcome.Response.Error);
                Assert.All(outcome.Response.Parts, part => Assert.Null(part.Response.Error));
                return outcome.Response;
            }))];
        await Wait.UntilAsync("some records are stored", async () => (await _cluster.Router(topic.Name).DescribeAsync()).Partitions.Sum(p => p.HighWatermark) > 500);
        await _cluster.Cluster.KillSiloAsync(victim);
        List<Acked> acked = [.. (await Task.WhenAll(producers)).SelectMany(records => records)];

        _calls.IsOn = false;
        Assert.Empty(await JudgeAsync(topic, acked));
    }

    private protected RecordsAppender MakeAppender() => new(
        AccessControl.Open, new TopicRoutes(_cluster.Grains, _cluster.Local), new ClientProducerIds(_cluster.Grains, TimeProvider.System),
        new ProducerLanes(_cluster.Grains, TimeProvider.System),
        TimeProvider.System);

    // The appender names the producer in them, so they are its alone.
    private protected static AppendRecords Records(RecordsAppendRequest request) =>
        new(request.Batches.ToArray(), request.Partition, request.RecordPartitions, request.Acks, request.ExpectedNextOffset);

    private protected static async Task<List<Acked>> ProduceAsync(
        TopicMetadata topic, int producer, Func<RecordsAppendRequest, Task<RecordsAppendResponse>> appendAsync)
    {
        var random = new Random(TestSeed.Value + producer);
        var acked = new List<Acked>();
        var number = 0;
        for (var i = 0; i < RequestCount; i++)
        {
            string?[] keys = [.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(3) == 0 ? null : $"key-{random.Next(20)}")];
            (string? Key, string Value)[] records = [.. keys.Select(key => (key, $"{producer}/{number++}"))];
            int? partition = random.Next(3) == 0 ? random.Next(topic.PartitionCount) : null;
            var response = await appendAsync(Batches.Request(Batches.Of(records), partition));
            var taken = new int[response.Parts.Length];
            for (var record = 0; record < records.Length; record++)
            {
                var index = response.PartOfRecord.IsEmpty ? 0 : response.PartOfRecord.Span[record];
                var part = response.Parts[index];
                acked.Add(new Acked(part.Partition, part.BaseOffset + taken[index]++, records[record].Value));
            }
        }

        return acked;
    }

    private protected async Task<List<string>> JudgeAsync(TopicMetadata topic, List<Acked> acked)
    {
        var findings = new List<string>();
        var stored = new Dictionary<string, Acked>();
        for (var partition = 0; partition < topic.PartitionCount; partition++)
        {
            var numbers = new Dictionary<string, int>();
            foreach (var (offset, _, value) in await ReadAllAsync(topic, partition))
            {
                if (!stored.TryAdd(value, new Acked(partition, offset, value)))
                {
                    findings.Add($"{value} is doubled");
                    continue;
                }

                var parts = value.Split('/');
                var number = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
                if (numbers.GetValueOrDefault(parts[0], -1) > number)
                    findings.Add($"{value} is reordered");
                numbers[parts[0]] = number;
            }
        }

        findings.AddRange(acked.Where(record => !stored.TryGetValue(record.Value, out var place) || place != record)
            .Select(record => $"{record} is not there"));
        findings.AddRange(stored.Keys.Except(acked.Select(record => record.Value)).Select(value => $"{value} was not sent"));
        return findings;
    }

    private async Task<List<(long Offset, string? Key, string Value)>> ReadAllAsync(TopicMetadata topic, int partition)
    {
        var stored = new List<(long Offset, string? Key, string Value)>();
        while (true)
        {
            var fetched = await _cluster.Router(topic.Name).FetchAsync(partition, Batches.From(stored.Count));
            Assert.Null(fetched.Error);
            if (fetched.Batches.IsEmpty)
                return stored;
            stored.AddRange(Batches.Read(fetched.Batches).Where(record => record.Offset >= stored.Count));
        }
    }

    private protected sealed record Acked(int Partition, long Offset, string Value);
}

/// <summary>As above where silos call the grains of the partitions that they lead themselves, so that any call may be lost.</summary>
public sealed class IdentityTests() : IdentityClusterTests(areCallsDirect: false)
{
    [Fact]
    public async Task Append_WithoutIdentity_WhenCallsAreLostAndProducersRepeatThem_IsFoundOut()
    {
        var topic = await _cluster.CreateAsync(4, ("max.message.bytes", "300"));
        _calls.IsOn = true;
        var acked = new List<Acked>();
        for (var producer = 0; producer < ProducerCount; producer++)
        {
            acked.AddRange(await ProduceAsync(topic, producer, async request =>
            {
                while (true)
                {
                    try
                    {
                        var response = await _cluster.Router(topic.Name).AppendAsync(request);
                        if (response.Error is null && response.Parts.All(part => part.Response.Error is null))
                            return response;
                    }
                    catch (SiloUnavailableException)
                    {
                        // As a producer that knows of no identity: once more.
                    }
                }
            }));
        }

        _calls.IsOn = false;
        Assert.Contains(await JudgeAsync(topic, acked), finding => finding.EndsWith("is doubled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Append_WhenACallToItsPartitionWasLost_IsStoredButItsMemoryStaysInUse()
    {
        var topic = await _cluster.CreateAsync(1);
        var appender = MakeAppender();
        async Task<bool> IsMemoryFreeAsync()
        {
            var outcome = await appender.AppendAsync(Caller.Anonymous, topic.Name, Records(Batches.Request(Batches.Of(("a", "1")))));
            Assert.Null(Assert.Single(outcome.Response.Parts).Response.Error);
            return outcome.IsMemoryFree;
        }

        Assert.True(await IsMemoryFreeAsync());
        _calls.IsOn = true;
        var attempts = 0;
        while (await IsMemoryFreeAsync())
            Assert.InRange(++attempts, 1, 500);
        _calls.IsOn = false;
        Assert.True(await IsMemoryFreeAsync());
    }

    [Fact]
    public async Task Append_WhenTheTopicChanges_IsPlannedByTheNewOneAndRepeatedByItsOwn()
    {
        var topic = await _cluster.CreateAsync(1);
        var identity = new AppendIdentity(
            ProducerId: 1_000_000, ProducerEpoch: 0, Topic: null, Batches.NowMs, KeylessStart: 0, TimeoutMs: 10_000);
        var request = Batches.Request(Batches.Of(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")));
        var unplanned = await _cluster.Router(topic.Name).AppendAsync(request with { Identity = identity });
        Assert.Equal(topic.Id, unplanned.PartitionBy!.Id);
        identity = identity with { Topic = unplanned.PartitionBy };
        var first = await _cluster.Router(topic.Name).AppendAsync(request with { Identity = identity });
        Assert.Equal(0, Assert.Single(first.Parts).BaseOffset);

        var altered = (await _cluster.Topic(topic.Name).AlterAsync(new AlterTopicRequest(8, null))).Topic!;
        var repeated = await _cluster.Router(topic.Name).AppendAsync(
            request with { Identity = identity with { IsRepeat = true } });
        var part = Assert.Single(repeated.Parts);
        Assert.Equal((0, 0L, true), (part.Partition, part.BaseOffset, part.Response.Duplicate));

        var next = await _cluster.Router(topic.Name).AppendAsync(request with
        {
            Partition = 0, Identity = identity with { ProducerEpoch = 1, Topic = altered },
        });
        Assert.Equal(4, next.Parts.Single().BaseOffset);
        var late = await _cluster.Router(topic.Name).AppendAsync(request with
        {
            Identity = identity with { ProducerEpoch = 0, IsRepeat = true },
        });
        Assert.Equal(StreamErrorCode.InvalidProducerEpoch, late.Parts.Single().Response.Error?.Code);
    }

    [Fact]
    public async Task TakeBlock_WhenManyAskAndTheGrainMoves_GivesEachIdOnce()
    {
        var ids = _cluster.Grains.GetGrain<IProducerIdGrain>(IProducerIdGrain.Key);
        var before = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => ids.TakeBlockAsync()));
        await _cluster.Cluster.DeactivateAsync(ids);
        var after = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => ids.TakeBlockAsync()));
        long[] all = [.. before, .. after];
        Assert.Equal(all.Length, all.Select(first => (first - ProducerIdRanges.ClientMin) / ProducerLimits.IdsPerBlock).Distinct().Count());
        Assert.All(all, first => Assert.Equal(0, (first - ProducerIdRanges.ClientMin) % ProducerLimits.IdsPerBlock));
    }

    [Fact]
    public async Task Key_WhenItsRunnerDiesAndItsGrainMoves_IsStoredOnceAndAnsweredAlike()
    {
        var topic = await _cluster.CreateAsync(4, ("max.message.bytes", "300"));
        var appender = MakeAppender();
        var request = Batches.Request(Batches.Of(
            [.. Enumerable.Range(0, 40).Select(i => (i % 3 == 0 ? null : $"key-{i}", $"0/{i}"))]));
        var appends = _cluster.Grains.GetGrain<IKeyedAppendsGrain>(IKeyedAppendsGrain.KeyOf(topic.Id, [17]));
        KeyedAppendRequest Named(Guid by) => new("key", "body", topic, KeylessStart: 3, by);
        var runner = Guid.NewGuid();
        _calls.IsOn = true;

        var begun = await appends.BeginAsync(Named(runner));
        var first = (await appender.AppendAsync(Caller.Anonymous, topic.Name, Records(request), new ClientIdentity(begun.Identity!))).Response;
        await _cluster.Cluster.DeactivateAsync(appends);
        Assert.Equal(StreamErrorCode.IdempotencyKeyInUse, (await appends.BeginAsync(Named(Guid.NewGuid()))).Error!.Code);

        // Its lease is not over, so it is resumed in its own name.
        var resumed = await appends.BeginAsync(Named(runner));
        Assert.True(resumed.IsResumed);
        var second = (await appender.AppendAsync(
            Caller.Anonymous, topic.Name, Records(request), new ClientIdentity(resumed.Identity!, IsResumed: true))).Response;
        await appends.EndAsync("key", runner, KeyedOutcome.Done, [.. second.Parts.Select(part => new StoredPart(part.BaseOffset, -1, null))]);
        await _cluster.Cluster.DeactivateAsync(appends);
        var over = await appends.BeginAsync(Named(Guid.NewGuid()));
        var third = (await appender.AppendAsync(Caller.Anonymous, topic.Name, Records(request), new ClientIdentity(over.Identity!))).Response;

        _calls.IsOn = false;
        foreach (var repeated in (RecordsAppendResponse[])[second, third])
        {
            Assert.Equal(first.Parts.Select(part => (part.Partition, part.BaseOffset)),
                repeated.Parts.Select(part => (part.Partition, part.BaseOffset)));
            Assert.Equal(first.PartOfRecord.ToArray(), repeated.PartOfRecord.ToArray());
        }

        var described = await _cluster.Router(topic.Name).DescribeAsync();
        Assert.Equal(40, described.Partitions.Sum(partition => partition.HighWatermark));
    }
}

/// <summary>As above where a silo appends straight to the logs that it leads, and by the grains to the others.</summary>
public sealed class DirectIdentityTests() : IdentityClusterTests(areCallsDirect: true);
