using System.Net;
using Azure.Core;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Client.Producing;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// Tries that end in unusual ways after they may have taken effect. The next batch must not go out under the same identity: the service would take it
/// for the stored one, and answer that it is stored.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class ProducerFaultTests(ApiFixture api)
{
    [Fact]
    public async Task Send_WhenATryEndsByATimeoutThatIsNotTheCallers_TriesAgain()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.RetryBackoff = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        var tries = 0;
        rig.Line.OnRequest = (_, _) => tries++ == 0 ? HttpFault.ReplyTooLate : HttpFault.None;

        var second = await producer.SendAsync("a", "second");
        await producer.SendAsync("a", "third");

        Assert.Equal(1, second.Offset);
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenTheOnlyTryEndsByATimeout_SaysThatTheOutcomeIsUnknownAndLaterRecordsAreStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Retries = 0);
        await producer.SendAsync("a", "first");
        rig.Line.OnRequest = (_, _) => HttpFault.ReplyTooLate;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "second"));
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        var third = await producer.SendAsync("a", "third");

        Assert.Equal(("NETWORK_EXCEPTION", true, true), (error.ErrorCode, error.IsOutcomeUnknown, error.IsRetriable));
        Assert.Equal(2, third.Offset);
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenALaterTryEndsByADefect_SaysThatTheOutcomeIsUnknownAndLaterRecordsAreStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.RetryBackoff = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        var tries = 0;
        rig.Line.OnRequest = (_, _) => tries++ == 0 ? HttpFault.ReplyLost : throw new InvalidDataException("no good");

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "second"));
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        var third = await producer.SendAsync("a", "third");

        Assert.True(error.IsOutcomeUnknown);
        Assert.Contains("no good", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, third.Offset);
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenABatchIsRefusedAfterATryWithoutAnAnswer_DoesNotSendItsHalves()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.RetryBackoff = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        var tries = 0;
        rig.Line.OnRequest = (_, _) => tries++ == 0 ? HttpFault.ReplyLost : HttpFault.None;

        var results = await producer.SendAsync([
            new OutgoingRecord<string>("a", "good"), new OutgoingRecord<string>("a", "bad") { Timestamp = TimeProvider.System.GetUtcNow().AddDays(30) }]);
        await producer.SendAsync("a", "last");

        Assert.All(results, result => Assert.True(result.Error?.IsOutcomeUnknown));
        Assert.Equal(["first", "last"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    [Fact]
    public async Task Send_WhenTheCredentialFailsBetweenTries_TriesAgain()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var credential = new FailingCredential();
        using var client = SignedIn(rig, credential);
        await using var producer = client.CreateProducer(rig.Topic, options => options.RetryBackoff = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        var tries = 0;
        rig.Line.OnRequest = (request, _) =>
        {
            request.Headers.Authorization = null;
            credential.FailuresLeft = tries == 0 ? 1 : 0;
            return tries++ == 0 ? HttpFault.ReplyLost : HttpFault.None;
        };

        var second = await producer.SendAsync("a", "second");
        await producer.SendAsync("a", "third");

        Assert.Equal((1L, 0), (second.Offset, credential.FailuresLeft));
        Assert.Equal(["first", "second", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    /// <summary>As when a node dies that led them: what waits for its next try keeps no other partition from being sent.</summary>
    [Fact]
    public async Task Send_WhileManyPartitionsWaitForTheirNextTry_StoresWhatIsOfOthers()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, partitions: ProducerLimits.RequestsMax + 1, time: time);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.RetryBackoff = ConnectionLimits.BackoffMax);
        var failures = 0;
        rig.Line.OnRequest = (request, _) =>
        {
            if (!ClientRig.IsAppend(request) || request.RequestUri!.AbsolutePath.Contains("/partitions/0/", StringComparison.Ordinal))
                return HttpFault.None;
            Interlocked.Increment(ref failures);
            return HttpFault.RequestLost;
        };
        Task<SendResult>[] waiting = [.. Enumerable.Range(1, ProducerLimits.RequestsMax).Select(
            partition => producer.SendAsync(new OutgoingRecord<string>(null, "late") { Partition = partition }))];
        await Wait.UntilAsync("all have failed once", () => Volatile.Read(ref failures) == ProducerLimits.RequestsMax);

        var sent = await producer.SendAsync(new OutgoingRecord<string>(null, "at once") { Partition = 0 })
            .WaitAsync(ConnectionLimits.BackoffMax / 3, TimeProvider.System);

        Assert.Equal((0L, ProducerLimits.RequestsMax), (sent.Offset, failures));
        rig.Line.OnRequest = (_, _) => HttpFault.None;
        time.Advance(ConnectionLimits.BackoffMax);
        Assert.All(await Task.WhenAll(waiting), result => Assert.Equal(0, result.Offset));
    }

    [Fact]
    public async Task Send_OfManyPartitionsAtOnce_MakesABoundedNumberOfRequests()
    {
        using var rig = await ClientRig.MakeAsync(api, partitions: ProducerLimits.RequestsMax + 8);
        var open = new TaskCompletionSource();
        var (underWay, most) = (0, 0);
        using var line = new HoldingHandler(rig.Line, async send =>
        {
            most = Math.Max(most, Interlocked.Increment(ref underWay));
            await open.Task;
            var response = await send();
            Interlocked.Decrement(ref underWay);
            return response;
        });
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [api.Client.BaseAddress!], HttpHandler = line });
        await using var many = client.CreateProducer(rig.Topic);

        Task<SendResult>[] sends = [.. Enumerable.Range(0, ProducerLimits.RequestsMax + 8).Select(
            partition => many.SendAsync(new OutgoingRecord<string>(null, "value") { Partition = partition }))];
        await Wait.UntilAsync("as many are under way as may be", () => Volatile.Read(ref underWay) == ProducerLimits.RequestsMax);
        open.SetResult();

        Assert.All(await Task.WhenAll(sends), result => Assert.Equal(0, result.Offset));
        Assert.Equal(ProducerLimits.RequestsMax, most);
    }

    /// <summary>All batches wait for the answer to a question, such as how many partitions there are: it must not wait for them.</summary>
    [Fact]
    public async Task Send_WhileAsManyBatchesAreUnderWayAsMayBe_AsksWhatTheTopicIsLike()
    {
        var time = new SkippingTime();
        using var rig = await ClientRig.MakeAsync(api, partitions: ProducerLimits.RequestsMax, time: time);
        var producer = rig.Client.CreateProducer(rig.Topic);
        var (underWay, questions) = (0, 0);
        rig.Line.OnRequest = (request, _) =>
        {
            if (request.Method == HttpMethod.Get)
                Interlocked.Increment(ref questions);
            if (!ClientRig.IsAppend(request) || Volatile.Read(ref underWay) >= ProducerLimits.RequestsMax)
                return HttpFault.None;
            Interlocked.Increment(ref underWay);
            return HttpFault.NoReply;
        };
        Task<SendResult>[] sends = [.. Enumerable.Range(0, ProducerLimits.RequestsMax).Select(
            partition => producer.SendAsync(new OutgoingRecord<string>(null, "value") { Partition = partition }))];
        await Wait.UntilAsync("as many are under way as may be", () => Volatile.Read(ref underWay) == ProducerLimits.RequestsMax);
        Assert.Equal(1, questions);

        time.Advance(ProducerLimits.TopicAgeMax + TimeSpan.FromSeconds(1));
        await Wait.UntilAsync("the topic is asked for", async () =>
        {
            await producer.EnqueueAsync("a", "value", TestContext.Current.CancellationToken);
            return Volatile.Read(ref questions) == 2;
        });

        Assert.All(sends, send => Assert.False(send.IsCompleted));
        // The tries that hang end, and their repeats are answered.
        time.Advance(TimeSpan.FromHours(1));
        await producer.DisposeAsync();
        Assert.All(await Task.WhenAll(sends), result => Assert.Equal(0, result.Offset));
    }

    [Fact]
    public async Task Enqueue_WhenItTellsOfARecord_HasGivenItsMemoryBack()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic);
        var held = new TaskCompletionSource<long>();

        await producer.EnqueueAsync(new OutgoingRecord<string>("a", "told"), _ => held.TrySetResult(producer.BufferedBytes));

        Assert.Equal(0, await held.Task.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Flush_WhenSeveralWaitForARecordThatIsRefused_TellsEach()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Linger = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        using var held = new ManualResetEventSlim();
        rig.Line.Answer = _ =>
        {
            held.Wait(TestContext.Current.CancellationToken);
            return new HttpResponseMessage(HttpStatusCode.Forbidden);
        };
        await producer.EnqueueAsync("a", "second");

        Task[] flushes = [producer.FlushAsync(), producer.FlushAsync(), producer.FlushAsync()];
        held.Set();

        foreach (var flush in flushes)
            await Assert.ThrowsAsync<StreamServiceException>(() => flush);
        await producer.FlushAsync();
    }

    [Fact]
    public async Task Send_WhenTheCredentialFails_SaysThatNothingIsStored()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var credential = new FailingCredential();
        using var client = SignedIn(rig, credential);
        await using var producer = client.CreateProducer(rig.Topic, options => options.Retries = 0);
        await producer.SendAsync("a", "first");
        credential.FailuresLeft = 1;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "second"));
        await producer.SendAsync("a", "third");

        Assert.Equal(("NETWORK_EXCEPTION", false, true), (error.ErrorCode, error.IsOutcomeUnknown, error.IsRetriable));
        Assert.Contains("no token today", error.Message, StringComparison.Ordinal);
        Assert.Equal(["first", "third"], (await rig.ReadAllAsync()).Select(record => record.Value));
    }

    // The service of these tests has nobody sign in, so the header does not reach it.
    private OrleansStreamClient SignedIn(ClientRig rig, TokenCredential credential)
    {
        rig.Line.OnRequest = (request, _) =>
        {
            request.Headers.Authorization = null;
            return HttpFault.None;
        };
        return new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [api.Client.BaseAddress!],
            Credential = credential,
            Scope = "api://stream/.default",
            HttpHandler = rig.Line,
        });
    }

    /// <summary>Has a test send each append.</summary>
    private sealed class HoldingHandler(HttpMessageHandler inner, Func<Func<Task<HttpResponseMessage>>, Task<HttpResponseMessage>> append)
        : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            ClientRig.IsAppend(request) ? append(() => base.SendAsync(request, cancellationToken)) : base.SendAsync(request, cancellationToken);
    }

    /// <summary>Gives tokens that end at once, so that one is taken for each try.</summary>
    private sealed class FailingCredential : TokenCredential
    {
        public int FailuresLeft { get; set; }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            if (FailuresLeft == 0)
                return new(new AccessToken("token", TimeProvider.System.GetUtcNow()));
            FailuresLeft--;
            throw new InvalidOperationException("no token today");
        }
    }
}
