using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using OrleansStream.Client.Administration;
using OrleansStream.Client.Consuming;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>The partitions of the client's consumer: kept while it works or pauses, shared with others, and read from where it seeks to.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerPartitionTests(ApiFixture api)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

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

        await consumer.SeekAsync(GroupPosition.Offset(1), stop.Token);
        await Wait.UntilAsync("two come again", () => seen.Count == 5);
        await stop.CancelAsync();
        await run;
        await consumer.SeekAsync(GroupPosition.Earliest);

        Assert.Equal(["0", "1", "2", "1", "2"], seen);
        Assert.Equal(0, (await rig.CommittedAsync())[0]);
    }

    /// <summary>It would wait for the handler that waits for it, and nothing would end that: the lease is renewed all the time.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Seek_InAHandler_SaysWhatToDo(int concurrency)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Concurrency = concurrency);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => consumer.RunAsync(async (_, lost) =>
        {
            await Task.Yield();
            await consumer.SeekAsync(GroupPosition.Earliest, lost).WaitAsync(Patience, lost);
        }));

        Assert.Contains("Leave the loop first", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Seek_InTheLoop_SaysWhatToDoAndAfterItGoesThere()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        var outside = new TaskCompletionSource();
        var seek = SeekWhenToldAsync();

        await foreach (var record in consumer)
        {
            var error = await Assert.ThrowsAsync<InvalidOperationException>(() => consumer.SeekAsync(GroupPosition.Earliest).WaitAsync(Patience));
            Assert.Contains("Leave the loop first", error.Message, StringComparison.Ordinal);
            if (record.Offset < 1)
                continue;
            record.Complete();
            outside.SetResult();
            break;
        }

        await seek.WaitAsync(Patience, TestContext.Current.CancellationToken);
        await consumer.SeekAsync(GroupPosition.Offset(1)).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);

        async Task SeekWhenToldAsync()
        {
            await outside.Task;
            await consumer.SeekAsync(GroupPosition.Earliest);
        }
    }

    /// <summary>Nobody polls any more, so nobody would take what was asked: it is done when the member has left, and not by its next run.</summary>
    [Fact]
    public async Task Seek_AskedWhileTheConsumerEnds_IsDoneOnceItHasLeft()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2");
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        using var stop = new CancellationTokenSource(Patience);
        Task? seek = null;
        rig.Line.OnRequest = (request, _) =>
        {
            if (request.Method == HttpMethod.Delete)
                seek ??= consumer.SeekAsync(GroupPosition.Offset(1));
            return HttpFault.None;
        };
        await consumer.RunAsync((record, _) => record.Offset == 2 ? stop.CancelAsync() : Task.CompletedTask, stop.Token);

        await seek!.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
    }

    /// <summary>Nobody takes them any more, so each caller does its own. The place that was asked for last holds.</summary>
    [Fact]
    public async Task Seek_AskedSeveralTimesWhileTheConsumerEnds_IsDoneInTheOrderAsked()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync([.. Enumerable.Range(0, 21).Select(number => $"{number}")]);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        using var stop = new CancellationTokenSource(Patience);
        long[] asked = [.. Enumerable.Range(1, 20).Reverse()];
        var arrived = new ConcurrentQueue<long>();
        Task[] seeks = [];
        rig.Line.OnRequest = (request, _) =>
        {
            if (request.Method == HttpMethod.Delete && seeks.Length == 0)
                seeks = [.. asked.Select(offset => consumer.SeekAsync(GroupPosition.Offset(offset), TestContext.Current.CancellationToken))];
            if (request.RequestUri!.AbsolutePath.EndsWith("/offsets/reset", StringComparison.Ordinal))
                arrived.Enqueue((long)JsonNode.Parse(request.Content!.ReadAsStream(TestContext.Current.CancellationToken))!["offset"]!);
            return HttpFault.None;
        };
        await consumer.RunAsync((record, _) => record.Offset == 20 ? stop.CancelAsync() : Task.CompletedTask, stop.Token);

        await Task.WhenAll(seeks).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(asked, arrived);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
    }
}
