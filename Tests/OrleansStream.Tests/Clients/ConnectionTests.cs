using System.Net;
using Azure.Core;
using Microsoft.Extensions.Time.Testing;
using OrleansStream.Client;
using OrleansStream.Client.Connections;
using OrleansStream.Tests.Support;
using OrleansStream.Tests.Support.Services;
using OrleansStream.Tests.Support.Stores;

namespace OrleansStream.Tests.Clients;

/// <summary>How a client reaches the service: several nodes, who signs in, what the settings say.</summary>
[Collection(ApiTests.Name)]
public sealed class ConnectionTests(ApiFixture api)
{
    [Fact]
    public async Task Call_WhenANodeIsGone_GoesToTheNext()
    {
        var gone = new Uri($"http://127.0.0.1:{FreePort.Find()}");
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [gone, api.Client.BaseAddress!, gone] });

        for (var i = 0; i < 5; i++)
            Assert.NotEmpty((await client.Admin.GetClusterAsync()).Silos);
    }

    [Fact]
    public async Task Call_WhenAConnectionIsNotOpenInTime_GoesToTheNext()
    {
        using var line = new FaultyHttpHandler();
        var hosts = new List<string>();
        line.OnRequest = (request, number) =>
        {
            hosts.Add(request.RequestUri!.Host);
            // As SocketsHttpHandler does after its ConnectTimeout.
            return number == 1 ? throw new TaskCanceledException("late", new TimeoutException("A connection could not be established.")) : HttpFault.None;
        };
        line.Answer = _ => Ready(true);
        using var client = new OrleansStreamClient(
            new OrleansStreamClientOptions { Endpoints = [new Uri("http://a:1"), new Uri("http://b:1")], HttpHandler = line });

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetReadinessAsync());

        Assert.Equal(("NETWORK_EXCEPTION", true), (error.ErrorCode, error.IsRetriable));
        Assert.Equal("ready", (await client.Admin.GetReadinessAsync()).Status);
        Assert.Equal(["a", "b"], hosts.Order());
    }

    /// <summary>A caller that has changed its mind says nothing of the node: the next call goes there.</summary>
    [Theory]
    [InlineData("poll")]
    [InlineData("question")]
    [InlineData("removal")]
    public async Task Call_WhenTheCallerGivesItUp_StaysWithTheNode(string kind)
    {
        using var line = new FaultyHttpHandler();
        var hosts = new List<string>();
        using var stop = new CancellationTokenSource();
        line.OnRequest = (request, _) =>
        {
            hosts.Add(request.RequestUri!.Host);
            if (hosts.Count > 1)
                return HttpFault.None;
            stop.Cancel();
            return HttpFault.NoReply;
        };
        line.Answer = _ => Ready(true);
        using var client = new OrleansStreamClient(
            new OrleansStreamClientOptions { Endpoints = [new Uri("http://a:1"), new Uri("http://b:1")], HttpHandler = line });
        if (kind == "poll")
        {
            await client.Consume<string>("g", "t").RunAsync((_, _) => Task.CompletedTask, stop.Token);
        }
        else
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => kind == "removal" ? client.Admin.Topics.DeleteAsync("t", stop.Token) : client.Admin.GetReadinessAsync(stop.Token));
        }

        await client.Admin.GetReadinessAsync(TestContext.Current.CancellationToken);

        // A member whose poll may have let it in leaves, too.
        Assert.Equal(kind == "poll" ? 3 : 2, hosts.Count);
        Assert.Single(hosts.Distinct());
    }

    [Fact]
    public async Task Call_WithAKey_BringsIt()
    {
        using var line = new FaultyHttpHandler();
        line.Answer = request => Ready(request.Headers.Authorization?.ToString() == "Bearer os_key" && request.Headers.Contains("Client-Id"));
        using var client = new OrleansStreamClient(
            new OrleansStreamClientOptions { Endpoints = [new Uri("http://localhost:1")], ApiKey = "os_key", ClientId = "tests", HttpHandler = line });

        Assert.Equal("ready", (await client.Admin.GetReadinessAsync()).Status);
    }

    [Fact]
    public async Task Call_WithACredential_TakesATokenAnewBeforeItEnds()
    {
        var time = new FakeTimeProvider(DateTimeOffset.Parse("2026-06-11T19:20:00Z"));
        var credential = new CountingCredential(time);
        using var line = new FaultyHttpHandler();
        var seen = new List<string?>();
        line.Answer = request =>
        {
            seen.Add(request.Headers.Authorization?.ToString());
            return Ready(true);
        };
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions
        {
            Endpoints = [new Uri("http://localhost:1")],
            Credential = credential,
            Scope = "api://stream/.default",
            HttpHandler = line,
            TimeProvider = time,
        });

        await client.Admin.GetReadinessAsync();
        await client.Admin.GetReadinessAsync();
        time.Advance(TimeSpan.FromMinutes(56));
        await client.Admin.GetReadinessAsync();

        Assert.Equal(["Bearer api://stream/.default 1", "Bearer api://stream/.default 1", "Bearer api://stream/.default 2"], seen);
    }

    [Fact]
    public async Task Call_WhenTheAnswerIsNotTheServices_SaysSo()
    {
        using var line = new FaultyHttpHandler();
        line.Answer = _ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("<html>") };
        using var client = new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [new Uri("http://localhost:1")], HttpHandler = line });

        var error = await Assert.ThrowsAsync<StreamServiceException>(() => client.Admin.GetClusterAsync());

        Assert.Contains("not this service's", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://localhost", null, "Endpoints")]
    [InlineData("http://localhost?x=1", null, "Endpoints")]
    [InlineData("http://localhost", "scope", "Credential")]
    public void Client_WithAWrongSetting_NamesIt(string endpoint, string? scope, string named)
    {
        var error = Assert.Throws<ArgumentException>(
            () => new OrleansStreamClient(new OrleansStreamClientOptions { Endpoints = [new Uri(endpoint)], Scope = scope }));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Client_OfAnAddressWithAPassword_IsRefusedWithoutShowingIt()
    {
        var error = Assert.Throws<ArgumentException>(() => new OrleansStreamClient("http://anna:secret@localhost"));

        Assert.Contains("a user or a password, which is not sent: sign in with ApiKey", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    private static HttpResponseMessage Ready(bool isReady) => isReady
        ? new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent("""{"status":"ready"}""") }
        : new HttpResponseMessage(HttpStatusCode.Unauthorized);

    private sealed class CountingCredential(TimeProvider time) : TokenCredential
    {
        private int _count;

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(new AccessToken($"{requestContext.Scopes[0]} {++_count}", time.GetUtcNow().AddHours(1)));
    }
}
