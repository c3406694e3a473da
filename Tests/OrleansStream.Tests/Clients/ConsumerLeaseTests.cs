using System.Collections.Concurrent;
using System.Net;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Hosting;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A member that cannot reach the service goes by its own clock: without a lease it works on nothing. It leaves within a bound.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerLeaseTests(ApiFixture api)
{
    /// <summary>A program's own handler may throw what it likes, such as that a circuit is open.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_WhenTheMemberIsCutOffForALease_StopsItsHandlersAndTellsTheLoss(bool throwsOfItsOwn)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Lease = ConsumerLimits.LeaseMin);
        var (told, lost) = (new ConcurrentQueue<string>(), new TaskCompletionSource());
        consumer.PartitionsLost += (_, gone) =>
        {
            told.Enqueue($"lost {string.Join(',', gone.Partitions)}");
            lost.TrySetResult();
        };
        await consumer.RunAsync(
            async (record, token) =>
            {
                told.Enqueue(record.Value!);
                if (told.Count > 1)
                {
                    if (record.Offset == 1)
                        await stop.CancelAsync();
                    return;
                }

                rig.Line.OnRequest = (_, _) => throwsOfItsOwn ? throw new InvalidDataException("The circuit is open.") : HttpFault.RequestLost;
                await lost.Task.WaitAsync(Wait.Patience, TimeProvider.System, CancellationToken.None);
                Assert.True(token.IsCancellationRequested);
                rig.Line.OnRequest = (_, _) => HttpFault.None;
            },
            stop.Token);

        // The first one comes again: by then another member could have had it.
        Assert.Equal(["0", $"lost {rig.Topic}/0", "0", "1"], told);
        Assert.Equal(2, (await rig.CommittedAsync())[0]);
    }

    [Fact]
    public async Task Foreach_WhenTheMemberIsCutOffForALease_HandsOutNothingUntilItIsBack()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Lease = ConsumerLimits.LeaseMin);
        var (seen, lost) = (new List<string>(), new TaskCompletionSource());
        consumer.PartitionsLost += (_, _) => lost.TrySetResult();

        await foreach (var record in consumer.WithCancellation(stop.Token))
        {
            seen.Add(record.Value!);
            if (seen.Count == 1)
            {
                rig.Line.OnRequest = (_, _) => HttpFault.RequestLost;
                await lost.Task.WaitAsync(Wait.Patience, TimeProvider.System, stop.Token);
                rig.Line.OnRequest = (_, _) => HttpFault.None;
            }

            if (record.Offset < 1)
                continue;
            record.Complete();
            break;
        }

        Assert.Equal(["0", "0", "1"], seen);
        Assert.Equal(2, (await rig.CommittedAsync())[0]);
    }

    /// <summary>
    /// Nothing is worked on meanwhile, but the program learns that its partitions may be others' now. The waits between tries are shorter than the
    /// lease: otherwise what the service told the member is old again at each next try.
    /// </summary>
    [Fact]
    public async Task Run_WhenTheMemberIsCutOffBetweenPolls_TellsTheLossAndGoesOn()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = rig.Client.Consume<string>(
            rig.Group, rig.Topic, options => (options.Lease, options.MaxWait) = (ConsumerLimits.LeaseMin, TimeSpan.FromMilliseconds(100)));
        var (seen, changes) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        consumer.PartitionsAssigned += (_, _) => changes.Enqueue("assigned");
        consumer.PartitionsLost += (_, _) => changes.Enqueue("lost");
        var waits = new ConcurrentQueue<int>();
        var run = consumer.RunAsync(
            (record, _) =>
            {
                seen.Enqueue(record.Value!);
                rig.Line.OnRequest = (request, _) =>
                {
                    if (seen.Count == 1 && !changes.Contains("lost"))
                        return HttpFault.RequestLost;
                    if (ClientRig.IsPoll(request))
                        waits.Enqueue(ClientRig.NumberIn(request, "wait_ms"));
                    return HttpFault.None;
                };
                return Task.CompletedTask;
            },
            stop.Token);
        await Wait.UntilAsync("it has lost them", () => changes.Contains("lost"));
        Assert.Empty(consumer.Assignment);
        await rig.SendAsync("1");
        await Wait.UntilAsync("the next one has come", () => seen.Contains("1"));
        await stop.CancelAsync();
        await run;

        // The first one comes again if the service, too, has let the lease end before the commit came.
        Assert.Equal(["0", "1"], seen.Distinct());
        Assert.Equal(["assigned", "lost", "assigned"], changes);
        // It learns at once where it stands.
        Assert.Equal(0, waits.First());
    }

    [Fact]
    public async Task Run_WhenNobodyAnswersAsItLeaves_EndsAtABound()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, time: time);
        await rig.SendAsync("0");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var asked = new TaskCompletionSource();
        rig.Line.OnRequest = (request, _) => NoReplyToLeave(request, asked);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        var told = new ConcurrentQueue<string>();
        consumer.PartitionsRevoked += (_, _) => told.Enqueue("handed over");
        consumer.PartitionsLost += (_, _) => told.Enqueue("lost");
        var run = consumer.RunAsync((_, _) => stop.CancelAsync(), stop.Token);
        await asked.Task.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(run.IsCompleted);

        time.Advance(ConsumerLimits.LeaveMax);

        await run.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
        // Nobody has them before the lease ends.
        Assert.Equal(["lost"], told);
    }

    [Theory]
    [InlineData(true, "lost")]
    [InlineData(false, "handed over")]
    public async Task Run_WhenItEnds_SaysThatPartitionsAreHandedOverOnlyIfWhatIsDoneIsCommitted(bool isRefused, string expected)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        var told = new ConcurrentQueue<string>();
        consumer.PartitionsRevoked += (_, _) => told.Enqueue("handed over");
        consumer.PartitionsLost += (_, _) => told.Enqueue("lost");
        rig.Line.Answer = request => isRefused && request.Method == HttpMethod.Put
            ? ClientRig.Refusal(HttpStatusCode.BadRequest, "INVALID_REQUEST")
            : null;

        await consumer.RunAsync((_, _) => stop.CancelAsync(), stop.Token);

        Assert.Equal([expected], told);
        Assert.Equal(isRefused ? 0 : 1, (await rig.CommittedAsync()).GetValueOrDefault(0));
    }

    /// <summary>With the longest lease a renewal may take 20 minutes. Neither a stop nor the next poll waits for that.</summary>
    [Fact]
    public async Task Run_WhenARenewalHangsAsItStops_GivesItUpAtABound()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, time: time);
        await rig.SendAsync("0");
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var (works, hangs, ended) = (new TaskCompletionSource(), new TaskCompletionSource(), new TaskCompletionSource());
        rig.Line.OnRequest = (request, _) =>
        {
            if (!works.Task.IsCompleted || hangs.Task.IsCompleted || !ClientRig.IsPoll(request))
                return HttpFault.None;
            hangs.TrySetResult();
            return HttpFault.NoReply;
        };
        var run = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.Lease = ConsumerLimits.LeaseMax).RunAsync(
            async (_, _) =>
            {
                works.TrySetResult();
                await hangs.Task.WaitAsync(Wait.Patience, TimeProvider.System, CancellationToken.None);
                await stop.CancelAsync();
                ended.TrySetResult();
            },
            stop.Token);
        await works.Task.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        time.Advance(ConsumerLimits.LeaseMax / ConsumerLimits.RenewalsPerLease);
        await ended.Task.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);

        await run.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal(1, (await rig.CommittedAsync())[0]);
    }

    /// <summary>No time passes on the client's clock: only the host's token ends what the worker does.</summary>
    [Fact]
    public async Task Worker_WhenTheHostHasNoMoreTime_EndsAtOnce()
    {
        using var rig = await ClientRig.MakeAsync(api, time: new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z")));
        await rig.SendAsync("0");
        var (asked, seen) = (new TaskCompletionSource(), new TaskCompletionSource());
        rig.Line.OnRequest = (request, _) => NoReplyToLeave(request, asked);
        using var worker = new Worker(rig.Client, rig.Group, rig.Topic, _ => seen.TrySetResult());
        using var hostsTime = new CancellationTokenSource();
        await worker.StartAsync(TestContext.Current.CancellationToken);
        await seen.Task.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        var stopping = worker.StopAsync(hostsTime.Token);
        await asked.Task.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.False(worker.ExecuteTask!.IsCompleted);

        await hostsTime.CancelAsync();

        await stopping.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
        await worker.ExecuteTask.WaitAsync(Wait.Patience, TimeProvider.System, TestContext.Current.CancellationToken);
    }

    /// <summary>The host that had no more time then is not the one that starts it now: the answers of this run are worked on.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Worker_StartedAgainAfterAStopWithoutTime_WorksOnWhatItCommits(bool hasEndedByItself)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0");
        var seen = new ConcurrentQueue<string>();
        using var worker = new Worker(rig.Client, rig.Group, rig.Topic, record =>
        {
            seen.Enqueue(record);
            if (hasEndedByItself && seen.Count == 1)
                throw new InvalidDataException("no good");
        });
        await worker.StartAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync("the first is there", () => seen.Count == 1);
        if (hasEndedByItself)
            await Wait.UntilAsync("it has ended", () => worker.ExecuteTask!.IsCompleted);
        await worker.StopAsync(new CancellationToken(canceled: true));
        await Wait.UntilAsync("it has stopped", () => worker.ExecuteTask!.IsCompleted);
        await rig.SendAsync("1", "2");
        // The member that had no time to leave is taken out first.
        await worker.StartAsync(TestContext.Current.CancellationToken);
        await Wait.UntilAsync("all are committed", async () => (await rig.CommittedAsync()).GetValueOrDefault(0) == 3);
        await worker.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["0", "1", "2"], seen.Distinct());
    }

    private static HttpFault NoReplyToLeave(HttpRequestMessage request, TaskCompletionSource asked)
    {
        if (request.Method != HttpMethod.Delete)
            return HttpFault.None;
        asked.TrySetResult();
        return HttpFault.NoReply;
    }

    private sealed class Worker(OrleansStreamClient client, string group, string topic, Action<string> handle)
        : StreamWorker<string>(client, group, topic, options => options.Lease = ConsumerLimits.LeaseMin)
    {
        protected override Task HandleAsync(ConsumedRecord<string> record, CancellationToken cancellationToken)
        {
            handle(record.Value!);
            return Task.CompletedTask;
        }
    }
}
