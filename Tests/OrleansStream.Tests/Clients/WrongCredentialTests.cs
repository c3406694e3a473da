using System.Net;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Tests.Security;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>Who is not let in is told at once: no call of the client waits for a wrong credential to become right.</summary>
public sealed class WrongCredentialTests : IAsyncLifetime
{
    private readonly SecureApi _api = new();
    private string _stranger = "";

    public async ValueTask InitializeAsync()
    {
        await _api.InitializeAsync();
        using var admin = _api.ClientOf(_api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/clicks", """{"partitions":1}""", 201);
        _stranger = await _api.CreateKeyAsync("stranger");
    }

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Calls_WithAWrongKey_ThrowAtOnce()
    {
        using var line = new FaultyHttpHandler();
        using var client = ClientOf(line, "os_wrong_0000");

        await AssertAllThrowAsync(client, HttpStatusCode.Unauthorized, "SASL_AUTHENTICATION_FAILED");

        Assert.InRange(line.RequestCount, 3, 6);
    }

    [Fact]
    public async Task Calls_WithoutTheRight_ThrowAtOnce()
    {
        using var line = new FaultyHttpHandler();
        using var client = ClientOf(line, _stranger);

        await AssertAllThrowAsync(client, HttpStatusCode.Forbidden, errorCode: null);

        Assert.InRange(line.RequestCount, 3, 6);
    }

    [Fact]
    public async Task Calls_WithACredentialThatNeverGivesAToken_ThrowAtOnce()
    {
        using var line = new FaultyHttpHandler();
        var credential = new ScriptedCredential { Failure = new InvalidOperationException("no such client") };
        using var client = ClientOf(line, apiKey: null, credential);

        await AssertAllThrowAsync(client, status: null, "SASL_AUTHENTICATION_FAILED");

        Assert.Equal(0, line.RequestCount);
        Assert.InRange(credential.Calls, 3, 6);
    }

    [Fact]
    public async Task Call_WhenWhoGivesTheTokensIsInTrouble_IsRepeated()
    {
        using var line = new FaultyHttpHandler();
        var credential = new ScriptedCredential { Token = _api.Bootstrap, FailuresLeft = 2, Failure = new RequestFailedException(503, "busy") };
        using var client = ClientOf(line, apiKey: null, credential);
        await using var producer = client.CreateProducer("clicks", options => options.RetryBackoff = TimeSpan.Zero);

        Assert.Equal(0, (await producer.SendAsync("a", "stored")).Offset);
    }

    [Fact]
    public async Task Call_WithACredentialThatHasWorked_IsRetriableForAsLongAsItFails()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") };
        var credential = new ScriptedCredential { Token = "token", Ends = time.GetUtcNow().AddHours(1) };
        using var client = ClientOf(line, apiKey: null, credential, time);
        await client.Admin.GetReadinessAsync();
        credential.Failure = new InvalidOperationException("The issuer is down.");

        for (var minutes = 0; minutes < 120; minutes += 10)
        {
            time.Advance(TimeSpan.FromMinutes(10));
            if (minutes < 60)
                continue;
            var error = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());
            Assert.Equal(("NETWORK_EXCEPTION", true), (error.ErrorCode, error.IsRetriable));
        }

        (credential.Failure, credential.Ends) = (null, time.GetUtcNow().AddHours(1));
        Assert.Equal("ready", (await client.Admin.GetReadinessAsync()).Status);
    }

    [Fact]
    public async Task Call_WithACredentialThatHasWorked_IsRepeatedUntilItWorksAgain()
    {
        using var line = new FaultyHttpHandler();
        // Its tokens are over at once, so each request takes one.
        var credential = new ScriptedCredential { Token = _api.Bootstrap, Ends = TimeProvider.System.GetUtcNow() };
        using var client = ClientOf(line, apiKey: null, credential);
        await using var producer = client.CreateProducer("clicks", options => options.RetryBackoff = TimeSpan.Zero);
        await producer.SendAsync("a", "first");
        (credential.Failure, credential.FailuresLeft) = (new InvalidOperationException("The issuer is down."), 4);

        Assert.Equal(1, (await producer.SendAsync("a", "stored")).Offset);
    }

    [Fact]
    public async Task Call_WhileItsTokenLasts_DoesNotNeedTheNextOne()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") };
        var credential = new ScriptedCredential { Token = "token", Ends = time.GetUtcNow().AddHours(1) };
        using var client = ClientOf(line, apiKey: null, credential, time);
        await client.Admin.GetReadinessAsync();
        credential.Failure = new InvalidOperationException("The issuer is down.");

        time.Advance(TimeSpan.FromMinutes(56));
        await client.Admin.GetReadinessAsync();
        await client.Admin.GetReadinessAsync();
        Assert.Equal(2, credential.Calls);
        time.Advance(ConnectionLimits.TokenPause);
        await client.Admin.GetReadinessAsync();
        Assert.Equal(3, credential.Calls);

        time.Advance(TimeSpan.FromMinutes(4));
        await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());
    }

    [Fact]
    public async Task Call_WhileTheCredentialHangs_GoesByTheTokenThatLasts()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") };
        var credential = new ScriptedCredential { Token = "token", Ends = time.GetUtcNow().AddHours(1) };
        using var client = ClientOf(line, apiKey: null, credential, time);
        await client.Admin.GetReadinessAsync();
        credential.Hangs = true;
        time.Advance(TimeSpan.FromMinutes(56));

        var first = client.Admin.GetReadinessAsync();
        await client.Admin.GetReadinessAsync().WaitAsync(Wait.Patience, TimeProvider.System);
        Assert.False(first.IsCompleted);
        time.Advance(ConnectionLimits.TokenWaitMax);
        await first.WaitAsync(Wait.Patience, TimeProvider.System);

        Assert.Equal(2, credential.Calls);
    }

    [Fact]
    public async Task Call_WhileTheCredentialHangsForLongerThanATryMayTake_GoesByTheTokenThatLasts()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") };
        var credential = new ScriptedCredential { Token = "token", Ends = time.GetUtcNow().AddHours(1) };
        using var client = ClientOf(line, apiKey: null, credential, time, ConnectionLimits.TokenWaitMax / 5);
        await client.Admin.GetReadinessAsync();
        credential.Hangs = true;
        time.Advance(TimeSpan.FromMinutes(56));

        var first = client.Admin.GetReadinessAsync();
        await Wait.UntilAsync("the credential is asked", () => credential.Calls == 2);
        time.Advance(ConnectionLimits.TokenWaitMax / 10);
        await first.WaitAsync(Wait.Patience, TimeProvider.System);

        await client.Admin.GetReadinessAsync().WaitAsync(Wait.Patience, TimeProvider.System);
        Assert.Equal(2, credential.Calls);
    }

    /// <summary>Azure.Identity's own exceptions: Entra is busy, or it has judged.</summary>
    [Theory]
    [InlineData(503, "busy", true), InlineData(429, "{}", true), InlineData(500, "{}", true)]
    [InlineData(401, """{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided."}""", false)]
    [InlineData(400, """{"error":"unauthorized_client","error_description":"AADSTS700016: Application not found."}""", false)]
    public async Task FirstToken_ThatEntraDoesNotGive_IsAskedForAgainUnlessEntraHasJudged(int status, string body, bool isRetriable)
    {
        using var entra = new HttpClientTransport(new EntraHandler((HttpStatusCode)status, body));
        var options = new ClientSecretCredentialOptions { Transport = entra, DisableInstanceDiscovery = true };
        options.Retry.MaxRetries = 0;
        using var line = new FaultyHttpHandler();
        using var client = ClientOf(line, apiKey: null, new ClientSecretCredential($"{Guid.NewGuid()}", $"{Guid.NewGuid()}", "secret", options));

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());

        Assert.Equal((isRetriable ? "NETWORK_EXCEPTION" : "SASL_AUTHENTICATION_FAILED", isRetriable), (error.ErrorCode, error.IsRetriable));
        Assert.Equal(0, line.RequestCount);
    }

    private static async Task AssertAllThrowAsync(OrleansStreamClient client, HttpStatusCode? status, string? errorCode)
    {
        // More patience than a test has: only an error that is not waited out ends it.
        await using var producer = client.CreateProducer("clicks", options => (options.Retries, options.RetryBackoff) = (1_000, TimeSpan.FromSeconds(10)));
        StreamServiceException[] errors =
        [
            await Assert.ThrowsAsync<StreamServiceException>(() => producer.SendAsync("a", "b")),
            await Assert.ThrowsAsync<StreamServiceException>(() => client.Consume<string>("ads", "clicks").RunAsync((_, _) => Task.CompletedTask)),
            await Assert.ThrowsAsync<StreamServiceException>(async () =>
            {
                await foreach (var record in client.Read<string>("clicks"))
                    Assert.Fail($"A stranger reads {record.Offset}.");
            }),
        ];

        Assert.All(errors, error => Assert.Equal((status, false, false), (error.Status, error.IsRetriable, error.IsOutcomeUnknown)));
        Assert.All(errors, error => Assert.Equal(errorCode ?? error.ErrorCode, error.ErrorCode));
    }

    private OrleansStreamClient ClientOf(
        FaultyHttpHandler line, string? apiKey, TokenCredential? credential = null, TimeProvider? time = null, TimeSpan? requestTimeout = null) =>
        new(new OrleansStreamClientOptions
        {
            RequestTimeout = requestTimeout ?? TimeSpan.FromSeconds(60),
            Endpoints = [_api.Address],
            ApiKey = apiKey,
            Credential = credential,
            Scope = credential is null ? null : "api://stream/.default",
            HttpHandler = line,
            TimeProvider = time ?? TimeProvider.System,
        });

    /// <summary>Fails as often as it is told, and then gives a token.</summary>
    private sealed class ScriptedCredential : TokenCredential
    {
        public Exception? Failure { get; set; }

        public int FailuresLeft { get; set; } = int.MaxValue;

        public string Token { get; init; } = "";

        public DateTimeOffset Ends { get; set; } = TimeProvider.System.GetUtcNow().AddHours(1);

        /// <summary>Whether it answers no more, and does not heed who gives it up.</summary>
        public bool Hangs { get; set; }

        public int Calls { get; private set; }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Calls++;
            if (Hangs)
                return new(new TaskCompletionSource<AccessToken>().Task);
            return Failure is null || FailuresLeft-- <= 0 ? new(new AccessToken(Token, Ends)) : throw Failure;
        }
    }

    /// <summary>Answers in Entra's place.</summary>
    private sealed class EntraHandler(HttpStatusCode status, string body) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(status) { Content = new StringContent(body, encoding: null, "application/json") });
    }
}
