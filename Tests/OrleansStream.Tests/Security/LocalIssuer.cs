using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace OrleansStream.Tests.Security;

/// <summary>An issuer of OpenID Connect on this machine, with keys of its own.</summary>
internal sealed class LocalIssuer : IAsyncDisposable
{
    /// <summary>Whom its tokens are for.</summary>
    public const string Audience = "api://orleansstream";

    private readonly WebApplication _service;
    private readonly List<RsaSecurityKey> _published = [];
    private int _keysAsked;

    private LocalIssuer(WebApplication service) => _service = service;

    /// <summary>Its address.</summary>
    public string Address => _service.Urls.First();

    /// <summary>The key that it signs with.</summary>
    public RsaSecurityKey Key { get; private set; } = null!;

    /// <summary>How often its keys were asked for.</summary>
    public int KeysAsked => Volatile.Read(ref _keysAsked);

    /// <summary>Starts one.</summary>
    public static async Task<LocalIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        var service = builder.Build();
        service.Urls.Add("http://127.0.0.1:0");
        var issuer = new LocalIssuer(service);
        issuer.RollKey();
        service.MapGet("/.well-known/openid-configuration", () => Results.Text(
            new JsonObject { ["issuer"] = issuer.Address, ["jwks_uri"] = $"{issuer.Address}/keys" }.ToJsonString(), "application/json"));
        service.MapGet("/keys", () =>
        {
            Interlocked.Increment(ref issuer._keysAsked);
            return Results.Text(issuer.KeySet(), "application/json");
        });
        await service.StartAsync();
        return issuer;
    }

    /// <summary>Takes a new key into use, and publishes it beside those before.</summary>
    public void RollKey()
    {
        Key = MakeKey();
        lock (_published)
            _published.Add(Key);
    }

    /// <summary>A key that nobody publishes.</summary>
    public static RsaSecurityKey MakeKey() => new(RSA.Create(2048)) { KeyId = Guid.NewGuid().ToString("N") };

    /// <summary>Issues a token.</summary>
    /// <param name="claims">What it says, beside whose it is.</param>
    /// <param name="change">Changes it.</param>
    public string Issue(Dictionary<string, object>? claims = null, Action<SecurityTokenDescriptor>? change = null)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var token = new SecurityTokenDescriptor
        {
            Issuer = Address,
            Audience = Audience,
            IssuedAt = now,
            NotBefore = now.AddMinutes(-1),
            Expires = now.AddMinutes(10),
            Claims = new Dictionary<string, object>(claims ?? []) { ["oid"] = "anna" },
            SigningCredentials = new SigningCredentials(Key, SecurityAlgorithms.RsaSha256),
        };
        change?.Invoke(token);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(token);
    }

    public ValueTask DisposeAsync() => _service.DisposeAsync();

    private string KeySet()
    {
        lock (_published)
        {
            return new JsonObject
            {
                ["keys"] = new JsonArray([.. _published.Select(key =>
                {
                    var parameters = key.Rsa.ExportParameters(includePrivateParameters: false);
                    return (JsonNode)new JsonObject
                    {
                        ["kty"] = "RSA", ["use"] = "sig", ["kid"] = key.KeyId,
                        ["n"] = Base64UrlEncoder.Encode(parameters.Modulus), ["e"] = Base64UrlEncoder.Encode(parameters.Exponent),
                    };
                })]),
            }.ToJsonString();
        }
    }
}
