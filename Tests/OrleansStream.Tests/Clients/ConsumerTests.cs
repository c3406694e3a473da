using System.Collections.Concurrent;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
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
        HttpFault.RequestLost, HttpFault.ReplyLost, HttpFault.ReplyCutOff, HttpFault.Busy, HttpFault.None, HttpFault.None, HttpFault.None,
        HttpFault.None,
    ];

    private sealed record Goal(string Player, int Minute);

    [Fact]
    public async Task Foreach_WhenLeft_CommitsWhatIsDoneWithAndLeavesTheGroup()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
            await producer.SendAsync([.. Enumerable.Range(0, 10).Select(i => new OrleansStream.Client.Producing.OutgoingRecord<Goal>("peru-chile", new Goal("Cueva", i)))]);
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
    public async Task Run_WhenRecordsFail_TriesThemAgainAndThenTheyAreDeadLetters()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("good", "fails", "throws", "good too");
        var attempts = new ConcurrentQueue<(string Value, int Attempt)>();
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(
            rig.Group, rig.Topic,
            options => (options.RetryPolicy, options.MaxWait) = (
                new RetryPolicyRequest { MaxAttempts = 2, BackoffMs = [0] }, TimeSpan.FromSeconds(1)));

        var run = consumer.RunAsync(
            async (record, cancellationToken) =>
            {
                attempts.Enqueue((record.Value!, record.Attempt));
                if (record.Value == "fails")
                    await record.FailAsync("503", cancellationToken);
                else if (record.Value == "throws")
                    throw new InvalidDataException("no good");
            },
            stop.Token);
        await Wait.UntilAsync("two records are dead", async () => await DeadLettersAsync(rig) is { Count: 2 });
        await stop.CancelAsync();
        await run;

        Assert.Equal([("fails", 1), ("fails", 2), ("good", 1), ("good too", 1), ("throws", 1), ("throws", 2)], attempts.Order());
        var dead = (await DeadLettersAsync(rig))!;
        Assert.Equal(
            ["503", "InvalidDataException: no good"],
            dead.Select(record => record.Headers.First(header => header.Key == "retry.reason").Text!).Order(StringComparer.Ordinal));
        Assert.Equal(4, (await rig.CommittedAsync())[0]);
    }

    [Fact]
    public async Task Fail_WhenTheKeyWaitsInPlace_LeavesItsLaterRecordsAlone()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
            await producer.SendAsync([.. new[] { "a1", "b1", "a2", "b2" }.Select(value => new OrleansStream.Client.Producing.OutgoingRecord<string>(value[..1], value))]);
        var seen = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource(Patience);

        await rig.Client.Consume<string>(rig.Group, rig.Topic, options =>
        {
            options.RetryPolicy = new RetryPolicyRequest { Retry = "in_place", MaxAttempts = 5, BackoffMs = [0] };
            options.MaxWait = TimeSpan.FromSeconds(1);
        }).RunAsync(
            async (record, cancellationToken) =>
            {
                seen.Enqueue($"{record.Value}:{record.Attempt}");
                if (record is { Value: "a1", Attempt: 1 })
                    await record.FailAsync("not yet", cancellationToken);
                if (record.Value == "a2")
                    await stop.CancelAsync();
            },
            stop.Token);

        Assert.Equal(["a1:1", "b1:1", "b2:1", "a1:2", "a2:1"], seen);
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
    public async Task Run_WhileAHandlerWorksLongerThanTheLease_KeepsThePartition()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("long", "short");
        var renewals = 0;
        var works = false;
        rig.Line.OnRequest = (request, _) =>
        {
            if (Volatile.Read(ref works) && request.RequestUri!.AbsolutePath.EndsWith("/poll", StringComparison.Ordinal))
                Interlocked.Increment(ref renewals);
            return HttpFault.None;
        };
        var isLost = false;
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Lease = ConsumerLimits.LeaseMin);
        consumer.PartitionsLost += (_, _) => isLost = true;
        await consumer.RunAsync(
            async (record, lost) =>
            {
                if (record.Value == "long")
                {
                    Volatile.Write(ref works, true);
                    // Each comes after a third of the lease.
                    await Wait.UntilAsync("the lease would be over", () => Volatile.Read(ref renewals) >= 4);
                }
                else
                {
                    await stop.CancelAsync();
                }

                isLost |= lost.IsCancellationRequested;
            },
            stop.Token);

        Assert.False(isLost);
        Assert.Equal(2, (await rig.CommittedAsync())[0]);
    }

    [Fact]
    public async Task Run_WhenASecondMemberComesAndGoes_SharesThePartitionsAndGetsThemBack()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 4);
        using var stopFirst = new CancellationTokenSource(Patience);
        using var stopSecond = new CancellationTokenSource(Patience);
        var revoked = new ConcurrentQueue<int>();
        var first = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.MaxWait = TimeSpan.FromSeconds(1));
        var second = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.MaxWait = TimeSpan.FromSeconds(1));
        first.PartitionsRevoked += (_, change) => revoked.Enqueue(change.Partitions.Count);
        var runFirst = first.RunAsync((_, _) => Task.CompletedTask, stopFirst.Token);
        await Wait.UntilAsync("the first has all", () => first.Assignment.Count == 4);
        var runSecond = second.RunAsync((_, _) => Task.CompletedTask, stopSecond.Token);
        await Wait.UntilAsync("they share", () => first.Assignment.Count == 2 && second.Assignment.Count == 2);
        await stopSecond.CancelAsync();
        await runSecond;
        await Wait.UntilAsync("the first has all again", () => first.Assignment.Count == 4);
        await stopFirst.CancelAsync();
        await runFirst;

        Assert.Equal(2, revoked.First());
        Assert.Empty(first.Assignment);
    }

    [Fact]
    public async Task Pause_UntilItResumes_DeliversNothingAndKeepsThePartition()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");
        var seen = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Lease = ConsumerLimits.LeaseMin);
        var run = consumer.RunAsync(
            (record, _) =>
            {
                seen.Enqueue(record.Value!);
                return Task.CompletedTask;
            },
            stop.Token);
        await Wait.UntilAsync("the first is there", () => seen.Count == 1);

        consumer.Pause();
        await Wait.UntilAsync("it is committed", async () => (await rig.CommittedAsync()).GetValueOrDefault(0) == 1);
        await rig.SendAsync("1");
        var renewals = rig.Line.RequestCount;
        await Wait.UntilAsync("the lease would be over", () => rig.Line.RequestCount >= renewals + 4);
        Assert.Equal(["0"], seen);
        Assert.Single(consumer.Assignment);
        consumer.Resume();
        await Wait.UntilAsync("the second is there", () => seen.Count == 2);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Seek_WhileItRuns_GoesOnFromThere()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2");
        var seen = new ConcurrentQueue<string>();
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        var run = consumer.RunAsync(
            (record, _) =>
            {
                seen.Enqueue(record.Value!);
                return Task.CompletedTask;
            },
            stop.Token);
        await Wait.UntilAsync("all are there", () => seen.Count == 3);

        await consumer.SeekAsync(OrleansStream.Client.Administration.GroupPosition.Offset(1), stop.Token);
        await Wait.UntilAsync("two come again", () => seen.Count == 5);
        await stop.CancelAsync();
        await run;
        await consumer.SeekAsync(OrleansStream.Client.Administration.GroupPosition.Earliest);

        Assert.Equal(["0", "1", "2", "1", "2"], seen);
        Assert.Equal(0, (await rig.CommittedAsync())[0]);
    }

    [Fact]
    public async Task Run_WhenTheServiceRefuses_Throws()
    {
        using var rig = await ClientRig.MakeAsync(api);

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => rig.Client.Consume<string>("no group/name", rig.Topic).RunAsync((_, _) => Task.CompletedTask));

        Assert.False(error.IsRetriable);
    }

    private static async Task<IReadOnlyList<ConsumedRecord<string>>?> DeadLettersAsync(ClientRig rig)
    {
        try
        {
            return await rig.ReadAllAsync($"{rig.Topic}.{rig.Group}.dlq");
        }
        catch (StreamServiceException exception) when (exception.ErrorCode == "UNKNOWN_TOPIC_OR_PARTITION")
        {
            return null;
        }
    }

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
            Interlocked.CompareExchange(ref most, value, seen);
    }
}
