using Microsoft.IdentityModel.Tokens;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Security;

/// <summary>The issuer's keys: new ones, and none to be had.</summary>
public sealed class IssuerTests
{
    [Fact]
    public async Task Issuer_WithANewKey_IsAskedOnceAndNotForEveryUnknownOne()
    {
        await using var fixture = new TokenTests.Fixture();
        await fixture.InitializeAsync();
        var (issuer, api) = (fixture.Issuer, fixture.Api);
        using var before = api.ClientOf(issuer.Issue());
        await SecureApi.SendAsync(before, HttpMethod.Get, "/v1/topics");
        var asked = issuer.KeysAsked;

        issuer.RollKey();
        await Wait.UntilAsync(
            "the new key is known",
            async () =>
            {
                using var after = api.ClientOf(issuer.Issue());
                return (await after.GetAsync("/v1/topics", TestContext.Current.CancellationToken)).IsSuccessStatusCode;
            },
            TimeSpan.FromSeconds(30));
        for (var i = 0; i < 8; i++)
        {
            using var foreign = api.ClientOf(issuer.Issue(
                change: token => token.SigningCredentials = new SigningCredentials(LocalIssuer.MakeKey(), SecurityAlgorithms.RsaSha256)));
            await SecureApi.SendAsync(foreign, HttpMethod.Get, "/v1/topics", status: 401);
        }

        await SecureApi.SendAsync(before, HttpMethod.Get, "/v1/topics");
        Assert.Equal(asked + 1, issuer.KeysAsked);
    }

    [Fact]
    public async Task Issuer_WhenItCannotBeReached_LetsNobodyIn()
    {
        await using var gone = await LocalIssuer.StartAsync();
        var (address, token) = (gone.Address, gone.Issue(new() { ["roles"] = new[] { "Admin" } }));
        await gone.DisposeAsync();
        await using var api = new SecureApi([("OrleansStream:Security:OpenIdConnect:Authority", address), ("OrleansStream:Security:OpenIdConnect:Audience", LocalIssuer.Audience)]);
        await api.InitializeAsync();
        using var client = api.ClientOf(token);

        var problem = await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics", status: 503);

        Assert.True((bool)problem!["retriable"]!);
        // Keys need no issuer.
        using var admin = api.ClientOf(api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Get, "/v1/topics");
    }
}
