using System.Net;
using Azure.Core;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>
/// An outcome is unknown only when it is: the service says of each of its failures whether a write may have taken effect, and without a connection
/// nothing was sent.
/// </summary>
[Collection(ApiTests.Name)]
public sealed class OutcomeTests(ApiFixture api)
{
    [Theory]
    [InlineData(503, "NOT_LEADER_OR_FOLLOWER", null, false)]
    [InlineData(503, "SHUTTING_DOWN", null, false)]
    [InlineData(503, "KAFKA_STORAGE_ERROR", "unknown", true)]
    [InlineData(504, "REQUEST_TIMED_OUT", null, false)]
    [InlineData(504, "REQUEST_TIMED_OUT", "unknown", true)]
    [InlineData(500, "UNKNOWN_SERVER_ERROR", "unknown", true)]
    public async Task Send_WhenTheServiceRefuses_BelievesWhatItSaysOfTheOutcome(int status, string code, string? outcome, bool isUnknown)
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Retries = 0);
        rig.Line.Answer = request => ClientRig.IsAppend(request) ? ClientRig.Refusal((HttpStatusCode)status, code, isRetriable: true, outcome) : null;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "first"));

        Assert.Equal((code, isUnknown), (error.ErrorCode, error.IsOutcomeUnknown));
    }

    [Fact]
    public async Task Send_WhenSomebodyElseAnswers_DoesNotKnowTheOutcome()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => options.Retries = 0);
        rig.Line.Answer = request => ClientRig.IsAppend(request)
            ? new HttpResponseMessage(HttpStatusCode.BadGateway) { Content = new StringContent("<html>a proxy</html>") }
            : null;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "first"));

        Assert.True(error.IsOutcomeUnknown);
    }

    [Fact]
    public async Task Send_WhenAnEarlierTryHadNoAnswer_DoesNotKnowTheOutcomeWhateverTheLastOneIsAnswered()
    {
        using var rig = await ClientRig.MakeAsync(api);
        await using var producer = rig.Client.CreateProducer(rig.Topic, options => (options.Retries, options.RetryBackoff) = (1, TimeSpan.Zero));
        var tries = 0;
        rig.Line.OnRequest = (request, _) => ClientRig.IsAppend(request) && tries++ == 0 ? HttpFault.ReplyLost : HttpFault.None;
        rig.Line.Answer = request => ClientRig.IsAppend(request) && tries > 1
            ? ClientRig.Refusal(HttpStatusCode.ServiceUnavailable, "SHUTTING_DOWN", isRetriable: true)
            : null;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "first"));

        Assert.Equal(("SHUTTING_DOWN", true), (error.ErrorCode, error.IsOutcomeUnknown));
    }

    /// <summary>As with a producer: an answer to the last try says nothing of an earlier one.</summary>
    [Fact]
    public async Task Call_WhenAnEarlierTryHadNoAnswer_DoesNotKnowTheOutcome()
    {
        using var rig = await ClientRig.MakeAsync(api);
        var tries = 0;
        rig.Line.OnRequest = (_, _) => tries++ == 0 ? HttpFault.ReplyLost : HttpFault.None;
        rig.Line.Answer = _ => tries > 1 ? ClientRig.Refusal(HttpStatusCode.Forbidden, "TOPIC_AUTHORIZATION_FAILED") : null;

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => rig.Client.Admin.Topics.DeleteAsync(rig.Topic));

        Assert.Equal(("TOPIC_AUTHORIZATION_FAILED", true), (error.ErrorCode, error.IsOutcomeUnknown));
    }

    [Theory]
    [InlineData("no name")]
    [InlineData("no connection")]
    [InlineData("no certificate")]
    [InlineData("no connection in time")]
    public async Task Call_WithoutAConnection_HasNotTakenEffect(string kind)
    {
        using var rig = await ClientRig.MakeAsync(api);
        rig.Line.OnRequest = (_, _) => throw (kind switch
        {
            "no name" => new HttpRequestException(HttpRequestError.NameResolutionError, "no such host"),
            "no connection" => new HttpRequestException(HttpRequestError.ConnectionError, "no way there"),
            "no certificate" => new HttpRequestException(HttpRequestError.SecureConnectionError, "nobody knows who that is"),
            _ => (Exception)new TaskCanceledException("late", new TimeoutException("A connection could not be established.")),
        });

        // Its repeat would mean something else, so there is one try.
        var error = await Assert.ThrowsAsync<StreamServiceException>(
            () => rig.Client.Admin.Groups.ResetOffsetsAsync(rig.Group, OrleansStream.Client.Administration.GroupPosition.Shift(-1)));

        Assert.Equal(("NETWORK_EXCEPTION", false), (error.ErrorCode, error.IsOutcomeUnknown));
    }

    /// <summary>The try ends while it waits for a token: nothing was sent, and the node has nothing to do with it.</summary>
    [Fact]
    public async Task Send_WhenTheCredentialHangs_HasNotTakenEffect()
    {
        var time = new SkippingTime();
        using var line = new FaultyHttpHandler();
        var credential = new HangingCredential();
        await using var client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [new Uri("http://localhost:1"), new Uri("http://localhost:2")],
            Credential = credential,
            Scope = "api://stream/.default",
            HttpHandler = line,
            TimeProvider = time,
        });
        var call = client.Admin.Groups.ResetOffsetsAsync("group", OrleansStream.Client.Administration.GroupPosition.Shift(-1));
        await credential.Asked.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

        time.Advance(TimeSpan.FromHours(1));

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => call.WaitAsync(Wait.Patience, TimeProvider.System));
        Assert.Equal(("NETWORK_EXCEPTION", false, true, 0), (error.ErrorCode, error.IsOutcomeUnknown, error.IsRetriable, line.RequestCount));
    }

    [Fact]
    public async Task Call_GivenUpWhileTheCredentialHangs_IsCancelled()
    {
        using var line = new FaultyHttpHandler();
        var credential = new HangingCredential();
        await using var client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [new Uri("http://localhost:1")],
            Credential = credential,
            Scope = "api://stream/.default",
            HttpHandler = line,
        });
        using var givenUp = new CancellationTokenSource();
        var call = client.Admin.GetClusterAsync(givenUp.Token);
        await credential.Asked.WaitAsync(Wait.Patience, TestContext.Current.CancellationToken);

        await givenUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(Wait.Patience, TimeProvider.System));
    }

    [Fact]
    public async Task Call_WhoseAnswerIsEndless_EndsAtABound()
    {
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK)
        {
            Content = new ByteArrayContent(new byte[ConnectionLimits.AnswerBytesMax + 1]),
        };
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [new Uri("http://localhost:1")], HttpHandler = line });

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetClusterAsync());

        Assert.Contains($"longer than {ConnectionLimits.AnswerBytesMax} bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, line.RequestCount);
    }

    /// <summary>Never gives a token, as one whose issuer does not answer.</summary>
    private sealed class HangingCredential : TokenCredential
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            _asked.TrySetResult();
            return await new TaskCompletionSource<AccessToken>().Task.WaitAsync(cancellationToken);
        }
    }
}
