using System.Collections.Concurrent;
using System.Net;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support.Services;

namespace OrleansStream.Tests.Clients;

/// <summary>Handlers of partition changes that throw: the consumer ends with their exception, and commits nothing that it did not deliver.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerHandlerTests(ApiFixture api)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Kinds that the consumer takes for a broken line, or for a call to be made again, when they come from elsewhere.</summary>
    public static TheoryData<string> Kinds => ["broken line", "retriable", "cancelled", "defect"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Run_WhenPartitionsAssignedThrows_EndsWithItAndCommitsNothing(string kind)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1", "2");
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        consumer.PartitionsAssigned += (_, _) => throw Make(kind);
        var delivered = 0;

        var error = await Assert.ThrowsAnyAsync<Exception>(() => consumer.RunAsync(
            (_, _) =>
            {
                Interlocked.Increment(ref delivered);
                return Task.CompletedTask;
            },
            stop.Token));

        Assert.Equal(("no good", 0), (error.InnerException?.Message, delivered));
        Assert.Equal(0, (await rig.CommittedAsync()).GetValueOrDefault(0));
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
        var seen = new List<string>();
        await foreach (var record in rig.Client.Consume<string>(rig.Group, rig.Topic).WithCancellation(stop.Token))
        {
            seen.Add(record.Value!);
            if (seen.Count == 3)
                break;
        }

        Assert.Equal(["0", "1", "2"], seen);
    }

    [Fact]
    public async Task Foreach_WhenPartitionsRevokedThrowsAsItLeaves_EndsWithItAfterItHasLeft()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync("0", "1");
        using var stop = new CancellationTokenSource(Patience);
        var consumer = rig.Client.Consume<string>(rig.Group, rig.Topic);
        consumer.PartitionsRevoked += (_, _) => throw Make("retriable");

        var error = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await foreach (var record in consumer.WithCancellation(stop.Token))
            {
                record.Complete();
                break;
            }
        });

        Assert.Equal("no good", error.InnerException?.Message);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
        Assert.Empty((await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members);
    }

    [Fact]
    public async Task Run_WhenPartitionsLostThrows_CancelsTheHandlersAllTheSame()
    {
        using var loss = await LossRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Patience);
        var consumer = loss.Rig.Client.Consume<string>(loss.Rig.Group, loss.Rig.Topic, options => options.Lease = ConsumerLimits.LeaseMin);
        consumer.PartitionsLost += (_, _) => throw Make("defect");
        var ends = new ConcurrentQueue<bool>();

        var error = await Assert.ThrowsAnyAsync<Exception>(() => consumer.RunAsync(
            async (_, lost) =>
            {
                await loss.UntilAsync(lost);
                ends.Enqueue(lost.IsCancellationRequested);
            },
            stop.Token));

        Assert.Equal("no good", error.InnerException?.Message);
        Assert.Equal([true], ends);
        Assert.Equal(0, (await loss.Rig.CommittedAsync()).GetValueOrDefault(0));
    }

    /// <summary>What a handler's call throws once its partition is lost says nothing of the record, which another member gets.</summary>
    [Fact]
    public async Task Run_WhenAHandlerThrowsOnceItsPartitionIsLost_GoesOn()
    {
        using var loss = await LossRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Patience);
        var consumer = loss.Rig.Client.Consume<string>(
            loss.Rig.Group, loss.Rig.Topic, options => (options.Lease, options.OnFailure) = (ConsumerLimits.LeaseMin, FailureAction.Fail));
        var tries = 0;

        await consumer.RunAsync(
            async (_, lost) =>
            {
                if (Interlocked.Increment(ref tries) > 1)
                {
                    await stop.CancelAsync();
                    return;
                }

                await loss.UntilAsync(lost);
                throw Make("broken line");
            },
            stop.Token);

        Assert.Equal(2, tries);
    }

    /// <summary>Whoever works on a record cannot know that it was lost a moment ago, so that it failed is no error: it comes again.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Fail_OnceThePartitionIsLost_DoesNothing(bool runs)
    {
        using var loss = await LossRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Patience);
        var consumer = loss.Rig.Client.Consume<string>(
            loss.Rig.Group, loss.Rig.Topic,
            options => (options.Lease, options.RetryPolicy) = (ConsumerLimits.LeaseMin, new RetryPolicyRequest { MaxAttempts = 2, BackoffMs = [0] }));
        using var lost = new CancellationTokenSource();
        consumer.PartitionsLost += (_, _) => lost.Cancel();
        var attempts = new ConcurrentQueue<int>();

        if (runs)
        {
            await consumer.RunAsync((record, _) => WorkAsync(record), stop.Token);
        }
        else
        {
            await foreach (var record in consumer)
            {
                await WorkAsync(record);
                record.Complete();
                if (stop.IsCancellationRequested)
                    break;
            }
        }

        Assert.Equal([1, 1], attempts);
        Assert.Equal(1, (await loss.Rig.CommittedAsync())[0]);

        async Task WorkAsync(ConsumedRecord<string> record)
        {
            attempts.Enqueue(record.Attempt);
            if (attempts.Count > 1)
            {
                await stop.CancelAsync();
                return;
            }

            await loss.UntilAsync(lost.Token);
            await record.FailAsync("503", CancellationToken.None);
        }
    }

    private static Exception Make(string kind) => kind switch
    {
        "broken line" => new IOException("no good"),
        "retriable" => new StreamServiceException("no good") { IsRetriable = true },
        "cancelled" => new OperationCanceledException("no good"),
        _ => new InvalidDataException("no good"),
    };

    /// <summary>A record whose handler loses its partition: while it waits for that, the service says that the member was replaced.</summary>
    private sealed class LossRig : IDisposable
    {
        private bool _isReplaced;

        public required ClientRig Rig { get; init; }

        public static async Task<LossRig> MakeAsync(ApiFixture api)
        {
            var loss = new LossRig { Rig = await ClientRig.MakeAsync(api) };
            await loss.Rig.SendAsync("0");
            loss.Rig.Line.Answer = request => Volatile.Read(ref loss._isReplaced) && ClientRig.IsPoll(request)
                ? ClientRig.Refusal(HttpStatusCode.Conflict, "FENCED_MEMBER_EPOCH")
                : null;
            return loss;
        }

        /// <summary>Waits in a handler until it is told of the loss.</summary>
        public async Task UntilAsync(CancellationToken lost)
        {
            Volatile.Write(ref _isReplaced, true);
            var told = new TaskCompletionSource();
            await using var registration = lost.Register(() => told.TrySetResult());
            await told.Task.WaitAsync(Patience, CancellationToken.None);
            Volatile.Write(ref _isReplaced, false);
        }

        public void Dispose() => Rig.Dispose();
    }
}
