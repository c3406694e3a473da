using System.Collections.Concurrent;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Client.Producing;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;

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
        await using (var producer = rig.Client.CreateProducer(rig.Topic))
            await producer.SendAsync([.. new[] { "a1", "b1", "a2", "b2" }.Select(value => new OutgoingRecord<string>(value[..1], value))]);
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
