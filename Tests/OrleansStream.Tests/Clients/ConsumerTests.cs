using System.Collections.Concurrent;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>The consumer of the client, over real HTTP: what was worked on is committed and nothing else, and troubles are waited out.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerTests(ApiFixture api)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static readonly HttpFault[] Faults =
    [
        HttpFault.RequestLost, HttpFault.ReplyLost, HttpFault.ReplyCutOff, HttpFault.Busy, HttpFault.ConnectionReset, HttpFault.None, HttpFault.None,
        HttpFault.None, HttpFault.None,
    ];

    private sealed record Goal(string Player, int Minute);

    [Fact]
    public async Task Foreach_WhenLeft_CommitsWhatIsDoneWithAndLeavesTheGroup()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
            await producer.SendAsync([.. Enumerable.Range(0, 10).Select(i => new OutgoingRecord<Goal>("peru-chile", new Goal("Cueva", i)))]);
        var consumer = rig.Client.Consume<Goal>(rig.Group, rig.Topic);

        await foreach (var record in consumer)
        {
            Assert.Equal((rig.Topic, 0, "peru-chile", 1, "Cueva"), (record.Topic, record.Partition, record.Key, record.Attempt, record.Value!.Player));
            Assert.Equal(record.Offset, record.Value.Minute);
            if (record.Offset == 4)
                break;
        }

        // The last one was not done with, as the next was not asked for.
        Assert.Equal(4, (await rig.CommittedAsync())[0]);
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
        await foreach (var record in rig.Client.Consume<Goal>(rig.Group, rig.Topic))
        {
            Assert.InRange(record.Offset, 4, 9);
            if (record.Offset < 9)
                continue;
            record.Complete();
            break;
        }

        Assert.Equal(10, (await rig.CommittedAsync())[0]);
    }

    /// <summary>The caller's token says nothing of the partitions: they are the member's, and what is done with is committed.</summary>
    [Fact]
    public async Task Foreach_WhenItsTokenEndsIt_CommitsWhatIsDoneWith()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2", "3", "4");
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var record in consumer.WithCancellation(stop.Token))
            {
                if (record.Offset == 2)
                    await stop.CancelAsync();
            }
        });

        Assert.Equal(3, (await rig.CommittedAsync())[0]);
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
    }

    [Fact]
    public async Task Run_WithSeveralHandlers_KeepsEachKeysOrderAndCommitsAfterThem()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 3);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
        {
            for (var i = 0; i < 300; i++)
                await producer.EnqueueAsync($"key-{i % 6}", $"{i}");
        }

        var seen = new ConcurrentDictionary<string, ConcurrentQueue<int>>();
        var (running, most, handled) = (0, 0, 0);
        using var stop = new CancellationTokenSource(Patience);
        await rig.Client.Consume<string>(rig.Group, rig.Topic, options => (options.Concurrency, options.MaxRecords) = (4, 50)).RunAsync(
            async (record, _) =>
            {
                InterlockedMax(ref most, Interlocked.Increment(ref running));
                await Task.Yield();
                seen.GetOrAdd(record.Key!, _ => new()).Enqueue(int.Parse(record.Value!));
                Interlocked.Decrement(ref running);
                if (Interlocked.Increment(ref handled) == 300)
                    await stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal(6, seen.Count);
        Assert.All(seen, key => Assert.Equal(Enumerable.Range(0, 50).Select(i => int.Parse(key.Key[4..]) + 6 * i), key.Value));
        Assert.InRange(most, 2, 4);
        Assert.Equal(300, (await rig.CommittedAsync()).Values.Sum());
    }

    [Fact]
    public async Task Run_WhenAHandlerThrows_CommitsWhatCameBeforeAndThrows()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2", "3");

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => rig.Client.Consume<string>(rig.Group, rig.Topic).RunAsync(
            (record, _) => record.Value == "2" ? throw new InvalidDataException("no good") : Task.CompletedTask));

        Assert.Equal("no good", error.Message);
        Assert.Equal(2, (await rig.CommittedAsync())[0]);
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
    }

    [Fact]
    public async Task Run_WhenTheNetworkAndTheServiceFail_ShowsNoErrorAndLosesNothing()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
        {
            for (var i = 0; i < 200; i++)
                await producer.EnqueueAsync($"key-{i}", $"{i}");
        }

        var random = new Random(TestSeed.Value);
        rig.Line.OnRequest = (_, _) =>
        {
            lock (random)
                return Faults[random.Next(Faults.Length)];
        };
        var seen = new ConcurrentDictionary<string, int>();
        using var stop = new CancellationTokenSource(Patience);
        await rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.MaxRecords = 20).RunAsync(
            async (record, _) =>
            {
                seen.AddOrUpdate(record.Value!, 1, (_, times) => times + 1);
                if (seen.Count == 200)
                    await stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal(200, seen.Count);
    }

    [Fact]
    public async Task Run_WhenTheServiceRefuses_Throws()
    {
        using var rig = await ClientRig.MakeAsync(api);

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => rig.Client.Consume<string>("no group/name", rig.Topic).RunAsync((_, _) => Task.CompletedTask));

        Assert.False(error.IsRetriable);
    }

    [Fact]
    public async Task Fail_WithoutARetryPolicy_SaysWhatIsMissing()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => rig.Client.Consume<string>(rig.Group, rig.Topic).RunAsync(
            async (record, cancellationToken) => await record.FailAsync("no", cancellationToken)));

        Assert.Contains("RetryPolicy", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fail_OfARecordOfAnOlderAnswer_SaysThatItIsDoneWith()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Patience);
        ConsumedRecord<string>? older = null;
        var consumer = rig.Client.Consume<string>(
            rig.Group, rig.Topic,
            options => (options.MaxRecords, options.RetryPolicy) = (1, new RetryPolicyRequest { MaxAttempts = 2, BackoffMs = [0] }));
        await foreach (var record in consumer.WithCancellation(stop.Token))
        {
            if (older is null)
            {
                older = record;
                continue;
            }

            break;
        }

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => older!.FailAsync("no", stop.Token).AsTask());

        Assert.StartsWith($"{rig.Topic}/0@0 is done with", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
            Interlocked.CompareExchange(ref most, value, seen);
    }
}
