using System.Net;
using OrleansStream.Client;
using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Consuming;
using OrleansStream.Contracts;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>A seek while the service is away, or while the member cannot leave: who asks is told, and the member is not lost over it.</summary>
[Collection(ApiTests.Name)]
public sealed class ConsumerSeekTests(ApiFixture api)
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Seek_WhileAMemberThatHasJoinedCannotCommit_SaysSoAndTheMemberGoesOn(bool isPaused)
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, time: time);
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = Consume(rig);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it has joined", () => consumer.Assignment.Count == 1);
        var polls = 0;
        rig.Line.Answer = request =>
        {
            if (!ClientRig.IsPoll(request))
                return null;
            Interlocked.Increment(ref polls);
            return ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "COORDINATOR_NOT_AVAILABLE", isRetriable: true);
        };
        if (isPaused)
        {
            consumer.Pause();
            await Wait.UntilAsync("it has tried to commit", () => Volatile.Read(ref polls) > 1);
        }

        var seek = consumer.SeekAsync(GroupPosition.Earliest, stop.Token);
        await Wait.UntilAsync("it is over", () =>
        {
            time.Advance(ConsumerLimits.StopMax / 5);
            return seek.IsCompleted;
        });

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => seek);
        Assert.Equal(("NETWORK_EXCEPTION", true, null), (error.ErrorCode, error.IsRetriable, error.Status));
        Assert.False(run.IsCompleted);
        rig.Line.Answer = null;
        await consumer.SeekAsync(GroupPosition.Earliest, stop.Token);
        await stop.CancelAsync();
        await run;
    }

    [Fact]
    public async Task Seek_WhileTheGroupsPolicyCannotBeSet_IsTaken()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await rig.Client.Admin.Groups.SetRetryPolicyAsync(rig.Group, new RetryPolicyRequest { MaxAttempts = 1 });
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var tries = 0;
        rig.Line.Answer = request =>
        {
            if (request.Method != HttpMethod.Put || !request.RequestUri!.AbsolutePath.EndsWith($"/groups/{rig.Group}", StringComparison.Ordinal))
                return null;
            Interlocked.Increment(ref tries);
            return ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "COORDINATOR_NOT_AVAILABLE", isRetriable: true);
        };
        var consumer = Consume(rig, options => options.RetryPolicy = new RetryPolicyRequest { MaxAttempts = 3, BackoffMs = [0] });
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it has tried to set the policy", () => Volatile.Read(ref tries) > 0);

        await consumer.SeekAsync(GroupPosition.Earliest, stop.Token);

        Assert.False(run.IsCompleted);
        rig.Line.Answer = null;
        await Wait.UntilAsync("it has joined", () => consumer.Assignment.Count == 1);
        Assert.Equal(3, (await rig.Client.Admin.Groups.GetAsync(rig.Group, stop.Token)).RetryPolicy!.MaxAttempts);
        await stop.CancelAsync();
        await run;
    }

    /// <summary>The service has the member, and without an answer to a join nobody can take it out: the seek would be refused for it.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("own-name")]
    public async Task Seek_AfterAJoinHadNoAnswer_IsNotRefusedForItsOwnMember(string? memberId)
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = Consume(rig, options => options.MemberId = memberId);
        var polls = 0;
        Task? seek = null;
        rig.Line.OnRequest = (request, _) =>
        {
            if (!ClientRig.IsPoll(request) || Interlocked.Increment(ref polls) is var poll && poll > 2)
                return HttpFault.None;
            if (poll == 1)
                return HttpFault.ReplyLost;
            // Its wait for the next try is over as soon as it begins, if anything ends it.
            seek = consumer.SeekAsync(GroupPosition.Earliest, stop.Token);
            return HttpFault.RequestLost;
        };

        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);

        await Wait.UntilAsync("a seek is asked", () => Volatile.Read(ref seek) is not null);
        await seek!;
        await Wait.UntilAsync("it has joined again", () => consumer.Assignment.Count == 1);
        await stop.CancelAsync();
        await run;
        Assert.Empty(await MembersAsync(rig));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("own-name")]
    public async Task Run_StoppedAfterASeekThatCouldNotLeave_LeavesAllTheSame(string? memberId)
    {
        using var rig = await ClientRig.MakeAsync(api);
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = Consume(rig, options => options.MemberId = memberId);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("it has joined", () => consumer.Assignment.Count == 1);
        var joins = 0;
        rig.Line.Answer = request =>
        {
            if (request.Method == HttpMethod.Delete && !stop.IsCancellationRequested)
                return ClientRig.Refusal(HttpStatusCode.Forbidden, "GROUP_AUTHORIZATION_FAILED");
            if (!ClientRig.IsPoll(request) || ClientRig.NumberIn(request, "max_records") == 0)
                return null;
            Interlocked.Increment(ref joins);
            return ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "COORDINATOR_NOT_AVAILABLE", isRetriable: true, outcome: "none");
        };

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => consumer.SeekAsync(GroupPosition.Earliest, stop.Token));
        Assert.Equal("NON_EMPTY_GROUP", error.ErrorCode);
        await Wait.UntilAsync("it asks to join again", () => Volatile.Read(ref joins) > 1);
        Assert.Single(await MembersAsync(rig));
        await stop.CancelAsync();
        await run;

        Assert.Empty(await MembersAsync(rig));
    }

    /// <summary>A program's own handler of HTTP may throw as its request is ended. What was told is done all the same.</summary>
    [Fact]
    public async Task Told_WhenWhatEndsThePollThrows_IsDoneWithoutIt()
    {
        var topic = await api.CreateTopicAsync(1);
        using var line = new ThrowingHandler();
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = line });
        using var stop = new CancellationTokenSource(Wait.Patience, TimeProvider.System);
        var consumer = client.Consume<string>($"g-{Guid.NewGuid():N}", topic, options => options.MaxWait = ConsumerLimits.WaitMax);
        var run = consumer.RunAsync((_, _) => Task.CompletedTask, stop.Token);
        await Wait.UntilAsync("a poll waits", () => line.Polls > 1);

        line.Throws = true;
        await consumer.SeekAsync(GroupPosition.Earliest, stop.Token);
        Assert.Equal(1, line.ThrownCount);
        await Wait.UntilAsync("a poll waits again", () => line.Polls > 4);
        consumer.Pause();
        Assert.Equal(2, line.ThrownCount);
        line.Throws = false;

        await stop.CancelAsync();
        await run;
    }

    private static StreamConsumer<string> Consume(ClientRig rig, Action<ConsumerOptions>? configure = null) =>
        rig.Client.Consume<string>(rig.Group, rig.Topic, options =>
        {
            (options.MaxWait, options.Lease) = (ConsumerLimits.WaitMax, ConsumerLimits.LeaseMax);
            configure?.Invoke(options);
        });

    private static async Task<IReadOnlyList<MemberAnswer>> MembersAsync(ClientRig rig) =>
        (await rig.Client.Admin.Groups.GetAsync(rig.Group)).Members;

    private sealed class ThrowingHandler() : DelegatingHandler(new SocketsHttpHandler())
    {
        private int _polls;
        private int _thrownCount;

        public volatile bool Throws;

        public int Polls => Volatile.Read(ref _polls);

        public int ThrownCount => Volatile.Read(ref _thrownCount);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (!ClientRig.IsPoll(request))
                return await base.SendAsync(request, cancellationToken);
            await using var registration = cancellationToken.Register(Throw);
            Interlocked.Increment(ref _polls);
            return await base.SendAsync(request, cancellationToken);
        }

        private void Throw()
        {
            if (!Throws)
                return;
            Interlocked.Increment(ref _thrownCount);
            throw new InvalidDataException("no good");
        }
    }
}
