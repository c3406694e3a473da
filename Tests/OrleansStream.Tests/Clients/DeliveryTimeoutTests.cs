using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client.Connections;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A delivery timeout bounds the time from when a record was taken until it is known what became of it (KIP-91).</summary>
[Collection(ApiTests.Name)]
public sealed class DeliveryTimeoutTests(ApiFixture api)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    [Fact]
    public async Task Send_OfARecordWhoseTimeIsOverBeforeItIsSent_FailsAndIsNotSent()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, time: time);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.Linger, options.DeliveryTimeout) = (TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(90)));
        var late = producer.SendAsync("a", "late");
        await Wait.UntilAsync("it is taken", () => producer.BufferedBytes > 0);

        time.Advance(TimeSpan.FromSeconds(100));

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => late.WaitAsync(Wait.Patience, TimeProvider.System));
        Assert.Equal(("NETWORK_EXCEPTION", false, true), (error.ErrorCode, error.IsOutcomeUnknown, error.IsRetriable));
        var next = producer.SendAsync("a", "next");
        await Wait.UntilAsync("the next one is taken", () => producer.BufferedBytes > 0);
        time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal(0, (await next).Offset);
        Assert.Equal(["next"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenATryHasNoAnswer_EndsItWhenTheTimeIsOver()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, time: time);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.DeliveryTimeout = Timeout);
        await producer.SendAsync("a", "first");
        var tries = 0;
        rig.Line.OnRequest = (request, _) =>
        {
            if (!ClientRig.IsAppend(request))
                return HttpFault.None;
            Interlocked.Increment(ref tries);
            return HttpFault.NoReply;
        };
        var sent = producer.SendAsync("a", "second");
        await Wait.UntilAsync("it is under way", () => Volatile.Read(ref tries) == 1);

        time.Advance(Timeout);

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => sent.WaitAsync(Wait.Patience, TimeProvider.System));
        Assert.Equal(("NETWORK_EXCEPTION", true, 1), (error.ErrorCode, error.IsOutcomeUnknown, tries));
        Assert.Contains("its time was over", error.Message, StringComparison.Ordinal);
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        Assert.Equal(1, (await producer.SendAsync("a", "third")).Offset);
    }

    /// <summary>The first failure comes late: what is left counts from when the record was taken.</summary>
    [Fact]
    public async Task Send_WhenTheFirstTryFailsLate_HasWhatIsLeft()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var rig = await ClientRig.MakeAsync(api, time: time);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.RetryBackoff, options.DeliveryTimeout) = (TimeSpan.FromSeconds(1), Timeout));
        var tries = 0;
        rig.Line.Answer = request =>
        {
            if (!ClientRig.IsAppend(request))
                return null;
            tries++;
            time.Advance(Timeout - TimeSpan.FromMilliseconds(500));
            return ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "NOT_LEADER_OR_FOLLOWER", isRetriable: true);
        };

        var error = await Assert.ThrowsAsync<StreamServiceException>(
            () => producer.SendAsync("a", "first").WaitAsync(Wait.Patience, TimeProvider.System));

        Assert.Equal(("NOT_LEADER_OR_FOLLOWER", false, 1), (error.ErrorCode, error.IsOutcomeUnknown, tries));
    }

    [Fact]
    public async Task Send_WhenTheServiceAsksForALongerWaitThanIsLeft_EndsAtOnce()
    {
        using var rig = await ClientRig.MakeAsync(api, time: new FakeTimeProvider());
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.DeliveryTimeout = Timeout);
        rig.Line.Answer = request => ClientRig.IsAppend(request) ? Busy(Timeout + TimeSpan.FromSeconds(1)) : null;

        var error = await Assert.ThrowsAsync<StreamServiceException>(
            () => producer.SendAsync("a", "first").WaitAsync(Wait.Patience, TimeProvider.System));

        Assert.Equal(("THROTTLING_QUOTA_EXCEEDED", false), (error.ErrorCode, error.IsOutcomeUnknown));
    }

    /// <summary>A record whose producer has no id yet has no more time than any other.</summary>
    [Fact]
    public async Task Send_WhenNoProducerIdComes_EndsWhenTheTimeIsOver()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, partitions: 2, time: time);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.DeliveryTimeout = Timeout);
        var tries = 0;
        rig.Line.OnRequest = (request, _) =>
        {
            if (request.RequestUri!.AbsolutePath != "/v1/producers")
                return HttpFault.None;
            Interlocked.Increment(ref tries);
            return HttpFault.NoReply;
        };
        Task<Client.Producing.SendResult>[] sends = [.. Enumerable.Range(0, 2).Select(
            partition => producer.SendAsync(new Client.Producing.OutgoingRecord<string>(null, "late") { Partition = partition }))];
        await Wait.UntilAsync("an id is asked for", () => Volatile.Read(ref tries) == 1);

        time.Advance(Timeout + TimeSpan.FromSeconds(1));

        foreach (var send in sends)
        {
            var error = await Assert.ThrowsAsync<StreamServiceException>(() => send.WaitAsync(Wait.Patience, TimeProvider.System));
            Assert.Equal(("NETWORK_EXCEPTION", false), (error.ErrorCode, error.IsOutcomeUnknown));
        }
    }

    /// <summary>No count ends the tries, so without a wait they would take all of a processor.</summary>
    [Fact]
    public async Task Send_WithoutABackoff_WaitsBetweenTriesAllTheSame()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(
            rig.Topic, options => (options.RetryBackoff, options.DeliveryTimeout) = (TimeSpan.Zero, TimeSpan.FromSeconds(1)));
        var tries = 0;
        rig.Line.OnRequest = (request, _) =>
        {
            if (!ClientRig.IsAppend(request))
                return HttpFault.None;
            Interlocked.Increment(ref tries);
            return HttpFault.RequestLost;
        };

        await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "first"));

        // A wait is at least half of the least one.
        Assert.InRange(tries, 2, (int)(TimeSpan.FromSeconds(1) / (ConnectionLimits.TimedBackoffMin / 2)) + 1);
    }

    [Fact]
    public async Task CreateProducer_WithATimeoutThatLeavesNoTimeBehindTheLinger_NamesIt()
    {
        using var rig = await ClientRig.MakeAsync(api);

        var error = Assert.Throws<ArgumentException>(() => rig.Client.CreateProducer(
            rig.Topic, options => (options.Linger, options.DeliveryTimeout) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1))));

        Assert.StartsWith("DeliveryTimeout of the producer's options must be longer than Linger", error.Message, StringComparison.Ordinal);
    }

    private static HttpResponseMessage Busy(TimeSpan retryAfter)
    {
        var refusal = ClientRig.Refusal(HttpStatusCode.TooManyRequests, "THROTTLING_QUOTA_EXCEEDED", isRetriable: true);
        refusal.Headers.RetryAfter = new RetryConditionHeaderValue(retryAfter);
        return refusal;
    }
}
