using System.Net;
using Azure;
using Azure.Core;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Tests.Security;
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
    public async Task Call_LongAfterTheLastToken_TakesTheCredentialToBeWrong()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") };
        var credential = new ScriptedCredential { Token = "token", Ends = time.GetUtcNow().AddHours(1) };
        using var client = ClientOf(line, apiKey: null, credential, time);
        await client.Admin.GetReadinessAsync();
        credential.Failure = new InvalidOperationException("revoked");
        credential.FailuresLeft = int.MaxValue;

        time.Advance(TimeSpan.FromMinutes(64));
        var early = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());
        time.Advance(TimeSpan.FromMinutes(2));
        var late = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());

        Assert.Equal(("NETWORK_EXCEPTION", true), (early.ErrorCode, early.IsRetriable));
        Assert.Equal(("SASL_AUTHENTICATION_FAILED", false), (late.ErrorCode, late.IsRetriable));
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

    private OrleansStreamClient ClientOf(FaultyHttpHandler line, string? apiKey, TokenCredential? credential = null, TimeProvider? time = null) =>
        new(new OrleansStreamClientOptions
        {
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

        public DateTimeOffset Ends { get; init; } = TimeProvider.System.GetUtcNow().AddHours(1);

        public int Calls { get; private set; }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Calls++;
            return Failure is null || FailuresLeft-- <= 0 ? new(new AccessToken(Token, Ends)) : throw Failure;
        }
    }
}
