using System.Collections.Immutable;
using System.Net;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.SignIn;

/// <summary>Signs callers of all doors in by JSON Web Tokens, with the validation of ASP.NET Core's JwtBearer.</summary>
/// <param name="bearer">The validation's settings.</param>
/// <param name="security">The claim with the principal's name.</param>
/// <param name="failures">Delays repeated failures.</param>
internal sealed class TokenSignIn(IOptionsMonitor<JwtBearerOptions> bearer, IOptions<SecurityOptions> security, FailedSignIns failures) : ITokenSignIn
{
    private const string RolesClaim = "roles";
    private const string GroupsClaim = "groups";

    /// <inheritdoc/>
    public async ValueTask<Principal> SignInAsync(string token, IPAddress? address, CancellationToken cancellationToken)
    {
        var options = bearer.Get(JwtBearerDefaults.AuthenticationScheme);
        var result = await ValidateAsync(options, token, cancellationToken);
        if (result.Exception is SecurityTokenSignatureKeyNotFoundException)
        {
            // The issuer may have new keys. The manager asks the issuer at most once per RefreshInterval.
            options.ConfigurationManager!.RequestRefresh();
            result = await ValidateAsync(options, token, cancellationToken);
        }

        if (result.IsValid && PrincipalOf(result) is { } principal)
            return principal;
        await failures.NoteAsync(address, cancellationToken);
        throw new StreamException(new StreamError(StreamErrorCode.SaslAuthenticationFailed, ReasonOf(result.Exception)));
    }

    private static async Task<TokenValidationResult> ValidateAsync(JwtBearerOptions options, string token, CancellationToken cancellationToken)
    {
        var validation = options.TokenValidationParameters.Clone();
        try
        {
            var issuer = await options.ConfigurationManager!.GetConfigurationAsync(cancellationToken);
            validation.ValidIssuers = [.. validation.ValidIssuers ?? [], issuer.Issuer];
            validation.IssuerSigningKeys = issuer.SigningKeys;
        }
        catch (InvalidOperationException e)
        {
            throw new StreamException(new StreamError(
                StreamErrorCode.CoordinatorNotAvailable,
                $"The keys of the issuer {options.Authority} cannot be had just now: {e.Message.Split(Environment.NewLine)[0]}"));
        }

        return await options.TokenHandlers[0].ValidateTokenAsync(token, validation);
    }

    private Principal? PrincipalOf(TokenValidationResult token)
    {
        var identity = token.ClaimsIdentity;
        var name = security.Value.OpenIdConnect.NameClaim is { Length: > 0 } claim
            ? identity.FindFirst(claim)?.Value
            : (identity.FindFirst("oid") ?? identity.FindFirst("sub"))?.Value;
        if (string.IsNullOrEmpty(name) || name.Length > AccessLimits.PrincipalLengthMax || name.Any(char.IsControl))
            return null;
        return new Principal(PrincipalKind.User, name)
        {
            Roles = [.. ValuesOf(identity, RolesClaim).Select(AccessRoles.Find).OfType<AccessRole>().Distinct()],
            Groups = [.. ValuesOf(identity, GroupsClaim).Distinct(StringComparer.Ordinal)],
            ValidUntil = new DateTimeOffset(DateTime.SpecifyKind(token.SecurityToken.ValidTo, DateTimeKind.Utc)),
        };
    }

    private static ImmutableArray<string> ValuesOf(ClaimsIdentity identity, string claim) => [.. identity.FindAll(claim).Select(one => one.Value)];

    // The reason has nothing of the token, which is a secret.
    private static string ReasonOf(Exception? exception) => exception switch
    {
        SecurityTokenExpiredException => "The token has expired.",
        SecurityTokenNotYetValidException => "The token is not valid yet.",
        SecurityTokenNoExpirationException => "The token has no end.",
        SecurityTokenInvalidAudienceException => "The token is for another audience.",
        SecurityTokenInvalidIssuerException => "The token is of another issuer.",
        SecurityTokenSignatureKeyNotFoundException => "The token is signed with a key that its issuer does not have.",
        SecurityTokenInvalidSignatureException or SecurityTokenInvalidAlgorithmException => "The token's signature is not valid.",
        null => "The token names nobody.",
        _ => "This is no token that is taken here.",
    };
}
