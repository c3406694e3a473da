using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A record that could not be worked on comes again, as the group's retry policy says, and in the end it is a dead letter.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerRetryTests(ApiFixture api)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

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
        await ProduceAsync(rig, 0, "a1", "b1", "a2", "b2");
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

    /// <summary>The record's failure is what counts. An outage as it is told must not take its place.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Run_WhenARecordFailsWhileTheServiceIsAway_WaitsAndTellsIt(bool isUnreadable)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.Client.Admin.Groups.SetRetryPolicyAsync(rig.Group, new RetryPolicyRequest { MaxAttempts = 1 });
        await rig.SendAsync("fails");
        var failures = 0;
        // More failures than one call has tries. Each asks to come again at once.
        rig.Line.OnRequest = (request, _) =>
        {
            var asksForPolicy = request.Method == HttpMethod.Get && request.RequestUri!.AbsolutePath.EndsWith($"/groups/{rig.Group}", StringComparison.Ordinal);
            return asksForPolicy && failures++ <= ConnectionLimits.RetriesDefault ? HttpFault.Busy : HttpFault.None;
        };
        using var stop = new CancellationTokenSource(Patience);
        Task run;
        if (isUnreadable)
        {
            run = rig.Client.Consume<int>(rig.Group, rig.Topic, options => options.OnFailure = FailureAction.Fail).RunAsync(
                (_, _) => Task.CompletedTask, stop.Token);
        }
        else
        {
            run = rig.Client.Consume<string>(rig.Group, rig.Topic, options => options.OnFailure = FailureAction.Fail).RunAsync(
                (_, _) => throw new InvalidDataException("no good"), stop.Token);
        }

        await Wait.UntilAsync("the record is dead", async () => run.IsCompleted || await DeadLettersAsync(rig) is { Count: 1 });
        Assert.True(failures > ConnectionLimits.RetriesDefault, $"Only {failures} questions had no answer.");
        Assert.False(run.IsCompleted, $"{run.Exception}");
        await stop.CancelAsync();
        await run;
    }

    /// <summary>A program that ends has its handlers give up. That says nothing of their records.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Run_WhenAHandlerIsGivenUpAtTheStop_CountsNoFailure(int concurrency)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.SendAsync([.. Enumerable.Range(0, concurrency).Select(i => $"{i}")]);
        var attempts = new ConcurrentQueue<(string Value, int Attempt)>();
        var handled = 0;
        using var stop = new CancellationTokenSource(Patience);
        await ConsumeAsync(stop, throws: true);
        using var again = new CancellationTokenSource(Patience);
        await ConsumeAsync(again, throws: false);

        Assert.All(attempts, attempt => Assert.Equal(1, attempt.Attempt));
        Assert.Equal(concurrency, (await rig.CommittedAsync())[0]);

        Task ConsumeAsync(CancellationTokenSource ends, bool throws) => rig.Client.Consume<string>(rig.Group, rig.Topic, options =>
        {
            options.Concurrency = concurrency;
            options.RetryPolicy = new RetryPolicyRequest { MaxAttempts = 5, BackoffMs = [0] };
        }).RunAsync(
            async (record, _) =>
            {
                attempts.Enqueue((record.Value!, record.Attempt));
                if (throws || Interlocked.Increment(ref handled) == concurrency)
                    await ends.CancelAsync();
                if (throws)
                    ends.Token.ThrowIfCancellationRequested();
            },
            ends.Token);
    }

    /// <summary>
    /// Of the answer in which it stops, a record was passed over for one that waits. Only the answer's cursor knows that, so a part of the answer is
    /// not committed: nobody would read that record ever again.
    /// </summary>
    [Fact]
    public async Task Run_WhenItStopsWhileRecordsWaitInPlace_LosesNoneThatWasPassedOver()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await ProduceAsync(rig, 0, "a1");
        using var stop = new CancellationTokenSource(Patience);
        var puts = 0;
        rig.Line.OnRequest = (request, _) => ClientRig.CountPut(request, ref puts);
        var seen = new ConcurrentQueue<string>();
        var first = Consume(rig);
        var run = first.RunAsync(
            async (record, cancellationToken) =>
            {
                if (record is { Value: "a1", Attempt: 1 })
                {
                    first.Pause();
                    await record.FailAsync("not yet", cancellationToken);
                    return;
                }

                seen.Enqueue(record.Value!);
                // The answer has c1, too.
                if (record.Value == "b1")
                    await stop.CancelAsync();
            },
            stop.Token);
        await Wait.UntilAsync("the first has failed", () => first.IsPaused || run.IsCompleted);
        Assert.False(run.IsCompleted, $"{run.Exception}");
        await Wait.UntilAsync("the failure is told", async () => (await rig.CommittedAsync()).GetValueOrDefault(0) == 1);
        await ProduceAsync(rig, 0, "a2", "b1", "c1");
        first.Resume();
        await run;
        Assert.Equal(["a1", "b1"], seen);
        Assert.Equal(1, (await rig.CommittedAsync())[0]);
        Assert.Equal(1, puts);

        using var end = new CancellationTokenSource(Patience);
        var again = new ConcurrentQueue<string>();
        await Consume(rig).RunAsync(
            async (record, _) =>
            {
                again.Enqueue(record.Value!);
                if (again.Contains("a2") && again.Contains("c1"))
                    await end.CancelAsync();
            },
            end.Token);

        Assert.Equal(["a1", "a2", "b1", "c1"], again.Distinct().Order(StringComparer.Ordinal));
    }

    /// <summary>
    /// The service commits all that it is sent or none of it. In a group that retries in place it refuses each partition by itself, too, so none is
    /// tried by itself.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_WhenItStopsAndOnePartitionIsRefused_CommitsTheOthersUnlessTheyWaitInPlace(bool inPlace)
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: 2);
        var commits = new ConcurrentQueue<string>();
        rig.Line.Answer = request =>
        {
            if (request.Method != HttpMethod.Put || !request.RequestUri!.AbsolutePath.EndsWith("/offsets", StringComparison.Ordinal))
                return null;
            using var body = JsonDocument.Parse(request.Content!.ReadAsStream());
            commits.Enqueue(string.Concat(body.RootElement.GetProperty("offsets").EnumerateArray()
                .Select(offset => offset.GetProperty("partition").GetInt32()).Order()));
            return commits.Last().Contains('0') ? ClientRig.Refusal(HttpStatusCode.Conflict, "RECORDS_WAIT_IN_PLACE") : null;
        };
        long done = 0;

        // One answer need not have records of both.
        await Wait.UntilAsync("it stops with a part of two partitions", async () =>
        {
            await ProduceAsync(rig, 0, "a", "b");
            await ProduceAsync(rig, 1, "a", "b");
            using var stop = new CancellationTokenSource(Patience);
            var partitions = new HashSet<int>();
            await (inPlace ? Consume(rig) : rig.Client.Consume<string>(rig.Group, rig.Topic)).RunAsync(
                async (record, _) =>
                {
                    if (record.Partition == 1)
                        done = record.Offset + 1;
                    if (partitions.Add(record.Partition) && partitions.Count == 2)
                        await stop.CancelAsync();
                },
                stop.Token);
            return commits.Contains("01");
        });

        if (inPlace)
        {
            Assert.Equal("01", commits.Last());
            return;
        }

        Assert.Equal(["0", "01", "1"], commits.TakeLast(3).Order(StringComparer.Ordinal));
        Assert.Equal(done, (await rig.CommittedAsync())[1]);
    }

    private static StreamConsumer<string> Consume(ClientRig rig) => rig.Client.Consume<string>(rig.Group, rig.Topic, options =>
    {
        options.RetryPolicy = new RetryPolicyRequest { Retry = "in_place", MaxAttempts = 9, BackoffMs = [0] };
        options.MaxWait = TimeSpan.FromSeconds(1);
    });

    /// <summary>Each value's key is its first letter.</summary>
    private static async Task ProduceAsync(ClientRig rig, int partition, params string[] values)
    {
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        await producer.SendAsync([.. values.Select(value => new OutgoingRecord<string>(value[..1], value) { Partition = partition })]);
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
}
