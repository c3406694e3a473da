using System.Text;
using Microsoft.IdentityModel.Tokens;

namespace OrleansStream.Tests.Security;

/// <summary>Signing in by tokens of OpenID Connect, of an issuer with keys of its own.</summary>
public sealed class TokenTests(TokenTests.Fixture fixture) : IClassFixture<TokenTests.Fixture>
{
    private readonly LocalIssuer _issuer = fixture.Issuer;
    private readonly SecureApi _api = fixture.Api;

    public static TheoryData<string> Refused => ["alg none", "alg HS256 by the public key", "wrong audience", "no audience", "wrong issuer", "expired", "no end", "not yet valid", "another's key", "unknown key id", "cut", "names nobody"];

    [Fact]
    public async Task Token_WithRolesAndGroups_HasTheirRights()
    {
        using var admin = _api.ClientOf(_api.Bootstrap);
        await SecureApi.SendAsync(admin, HttpMethod.Put, "/v1/topics/matches", "{}", 201);
        using var plain = _api.ClientOf(_issuer.Issue());
        await SecureApi.SendAsync(plain, HttpMethod.Get, "/v1/topics/matches", status: 403);

        using var receiver = _api.ClientOf(_issuer.Issue(new() { ["roles"] = new[] { "Task.Unknown", "DataReceiver" } }));
        await SecureApi.SendAsync(receiver, HttpMethod.Get, "/v1/topics/matches/partitions/0/records");
        var refused = await SecureApi.SendAsync(receiver, HttpMethod.Post, "/v1/topics/matches/records", """{"records":[{"value":1}]}""", 403);
        Assert.Equal("'user:anna' may not write to topic 'matches'.", (string)refused!["detail"]!);

        // As many groups as Entra ID puts into a token.
        string[] groups = [.. Enumerable.Range(0, 200).Select(_ => $"{Guid.NewGuid()}")];
        await _api.GiveAsync($"group:{groups[117]}", "topic", "matches", "write");
        using var member = _api.ClientOf(_issuer.Issue(new() { ["groups"] = groups }));
        await SecureApi.SendAsync(member, HttpMethod.Post, "/v1/topics/matches/records", """{"records":[{"value":1}]}""");

        await _api.GiveAsync("user:anna", "topic", "match", "write", "prefix");
        await SecureApi.SendAsync(plain, HttpMethod.Post, "/v1/topics/matches/records", """{"records":[{"value":1}]}""");
    }

    [Theory, MemberData(nameof(Refused))]
    public async Task Token_WhenItDoesNotHold_IsRefusedAndNotLogged(string fault)
    {
        var token = TokenWith(fault);
        using var client = _api.ClientOf(token);

        var problem = await SecureApi.SendAsync(client, HttpMethod.Get, "/v1/topics", status: 401);

        Assert.Equal("SASL_AUTHENTICATION_FAILED", (string)problem!["error_code"]!);
        var secret = token[(token.LastIndexOf('.') + 1)..];
        var told = _api.Log.All.Append(problem.ToJsonString());
        Assert.DoesNotContain(
            told, text => text.Contains(token, StringComparison.Ordinal) || secret.Length > 0 && text.Contains(secret, StringComparison.Ordinal));
        using var right = _api.ClientOf(_issuer.Issue(new() { ["roles"] = new[] { "DataOwner" } }));
        await SecureApi.SendAsync(right, HttpMethod.Get, "/v1/topics");
    }

    private string TokenWith(string fault)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var claims = new Dictionary<string, object> { ["roles"] = new[] { "Admin" } };
        return fault switch
        {
            "alg none" => Unsigned(_issuer.Issue(claims)),
            "alg HS256 by the public key" => _issuer.Issue(claims, token => token.SigningCredentials = new SigningCredentials(
                new SymmetricSecurityKey(_issuer.Key.Rsa.ExportSubjectPublicKeyInfo()) { KeyId = _issuer.Key.KeyId }, SecurityAlgorithms.HmacSha256)),
            "wrong audience" => _issuer.Issue(claims, token => token.Audience = "api://another"),
            "no audience" => _issuer.Issue(claims, token => token.Audience = null),
            "wrong issuer" => _issuer.Issue(claims, token => token.Issuer = "https://another.example"),
            "expired" => _issuer.Issue(claims, token => (token.NotBefore, token.Expires) = (now.AddHours(-2), now.AddHours(-1))),
            "no end" => _issuer.Issue(claims, token => token.Expires = null),
            "not yet valid" => _issuer.Issue(claims, token => (token.NotBefore, token.Expires) = (now.AddHours(1), now.AddHours(2))),
            "another's key" => _issuer.Issue(claims, token =>
            {
                var key = LocalIssuer.MakeKey();
                key.KeyId = _issuer.Key.KeyId;
                token.SigningCredentials = new SigningCredentials(key, SecurityAlgorithms.RsaSha256);
            }),
            "unknown key id" => _issuer.Issue(claims, token => token.SigningCredentials = new SigningCredentials(LocalIssuer.MakeKey(), SecurityAlgorithms.RsaSha256)),
            "cut" => _issuer.Issue(claims)[..^10],
            _ => _issuer.Issue(claims, token => token.Claims.Remove("oid")),
        };
    }

    private static string Unsigned(string token) =>
        $"{Base64UrlEncoder.Encode(Encoding.UTF8.GetBytes("""{"alg":"none","typ":"JWT"}"""))}.{token.Split('.')[1]}.";

    /// <summary>A service, and the issuer that it takes tokens of.</summary>
    public sealed class Fixture : IAsyncLifetime
    {
        internal LocalIssuer Issuer { get; private set; } = null!;

        internal SecureApi Api { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Issuer = await LocalIssuer.StartAsync();
            Api = new SecureApi([("OrleansStream:Security:OpenIdConnect:Authority", Issuer.Address), ("OrleansStream:Security:OpenIdConnect:Audience", LocalIssuer.Audience)]);
            await Api.InitializeAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await Api.DisposeAsync();
            await Issuer.DisposeAsync();
        }
    }
}
