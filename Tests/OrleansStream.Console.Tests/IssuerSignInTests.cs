using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using OrleansStream.WebConsole.Access;

namespace OrleansStream.WebConsole.Tests;

/// <summary>People sign in with an issuer of OpenID Connect.</summary>
public sealed class IssuerSignInTests : IAsyncDisposable
{
    private const string Storage = "orleansstream.issuer";

    private readonly ConsoleContext _context = new();

    public IssuerSignInTests()
    {
        _context.JSInterop.Setup<string>("streamConsole.randomText", _ => true).SetResult("random");
        _context.JSInterop.Setup<string>("streamConsole.sha256", "random").SetResult("challenge");
        _context.Service
            .On("GET settings.json", """{"sign_in":true,"keys":false,"authority":"https://issuer.test/tenant","client_id":"console","audience":"api://stream"}""")
            .On("GET /tenant/.well-known/openid-configuration", """{"authorization_endpoint":"https://issuer.test/authorize","token_endpoint":"https://issuer.test/token"}""")
            .On("GET access/me", """{"principal":"user:ann","sign_in_required":true,"rights":[]}""");
    }

    private IssuerSignIn Issuer => _context.Services.GetRequiredService<IssuerSignIn>();

    private NavigationManager Navigation => _context.Services.GetRequiredService<NavigationManager>();

    public ValueTask DisposeAsync() => _context.DisposeAsync();

    [Fact]
    public async Task Begin_LeadsToTheIssuer_WithTheHashOfAProofAndNotTheProof()
    {
        await _context.Session.OpenAsync();

        await Issuer.BeginAsync();

        Assert.StartsWith("https://issuer.test/authorize?", Navigation.Uri, StringComparison.Ordinal);
        Assert.Contains("code_challenge=challenge", Navigation.Uri, StringComparison.Ordinal);
        Assert.Contains("code_challenge_method=S256", Navigation.Uri, StringComparison.Ordinal);
        Assert.Contains("client_id=console", Navigation.Uri, StringComparison.Ordinal);
        Assert.Contains(Uri.EscapeDataString("api://stream/.default"), Navigation.Uri, StringComparison.Ordinal);
        Assert.DoesNotContain("code_verifier", Navigation.Uri, StringComparison.Ordinal);
    }

    [Fact]
    public async Task End_WithTheIssuersCode_SignsInAndGoesOnWhereItBegan()
    {
        await _context.Session.OpenAsync();
        _context.JSInterop.Setup<string?>("sessionStorage.getItem", Storage).SetResult("random proof http://localhost/topics");
        _context.Service.On("POST /token", """{"access_token":"eyJ.token","token_type":"Bearer"}""");
        Navigation.NavigateTo("?code=abc&state=random");

        Assert.Null(await Issuer.EndAsync());

        Assert.Equal("user:ann", _context.Session.Caller!.Principal);
        Assert.Equal("eyJ.token", _context.Session.Credential);
        Assert.Equal("http://localhost/topics", Navigation.Uri);
        Assert.Contains(_context.Service.Asked, call => call.Contains("code_verifier=proof", StringComparison.Ordinal) && call.Contains("code=abc", StringComparison.Ordinal));
    }

    [Fact]
    public async Task End_WithTheAnswerToAnotherSignIn_AsksNobody()
    {
        await _context.Session.OpenAsync();
        _context.JSInterop.Setup<string?>("sessionStorage.getItem", Storage).SetResult("another proof http://localhost/topics");
        Navigation.NavigateTo("?code=abc&state=random");

        Assert.NotNull(await Issuer.EndAsync());

        Assert.Null(_context.Session.Caller);
        Assert.DoesNotContain(_context.Service.Asked, call => call.StartsWith("POST", StringComparison.Ordinal));
    }

    [Fact]
    public async Task End_WhenTheIssuerRefuses_SaysWhy()
    {
        await _context.Session.OpenAsync();
        _context.JSInterop.Setup<string?>("sessionStorage.getItem", Storage).SetResult("random proof http://localhost/topics");
        Navigation.NavigateTo("?error=access_denied&error_description=Not+you&state=random");

        Assert.Equal("Not you", await Issuer.EndAsync());
    }
}
