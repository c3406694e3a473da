using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OrleansStream.Gateway.Security;
using OrleansStream.SignIn.Auditing;

namespace OrleansStream.SignIn;

/// <summary>
/// Adds the ways to sign in that <see cref="SecurityOptions"/> configures, and the audit, to a process that has a door.
/// </summary>
public static class SignInHosting
{
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>Adds the configured ways to sign in, and the audit.</summary>
    /// <param name="builder">The host.</param>
    public static void AddSignIn(this WebApplicationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        var security = builder.Configuration.GetSection(SecurityOptions.SectionName).Get<SecurityOptions>() ?? new SecurityOptions();
        if (security.RequiresSignIn)
        {
            // Without sign-in there is no principal to audit.
            builder.Services.AddSingleton<AuditTrail>();
            builder.Services.AddSingleton<IAudit>(services => services.GetRequiredService<AuditTrail>());
            builder.Services.AddHostedService(services => services.GetRequiredService<AuditTrail>());
        }

        if (!security.OpenIdConnect.IsSet)
            return;
        builder.Services.AddSingleton<ITokenSignIn, TokenSignIn>();
        // Only the options: ASP.NET Core's whole authentication would also store data-protection keys for cookies on this machine.
        builder.Services.AddSingleton<IPostConfigureOptions<JwtBearerOptions>, JwtBearerPostConfigureOptions>();
        builder.Services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, bearer =>
        {
            bearer.Authority = security.OpenIdConnect.Authority;
            bearer.Audience = security.OpenIdConnect.Audience;
            // The settings' validation allows http for loopback only.
            bearer.RequireHttpsMetadata = !new Uri(security.OpenIdConnect.Authority!).IsLoopback;
            bearer.MapInboundClaims = false;
            bearer.RefreshInterval = TokenLimits.KeysPauseMin;
            bearer.TokenValidationParameters = new TokenValidationParameters
            {
                // Asymmetric algorithms only: the issuer's public key must not work as a shared secret.
                ValidAlgorithms = Algorithms,
                ValidateIssuer = true,
                ValidateAudience = true,
                ValidateLifetime = true,
                ValidateIssuerSigningKey = true,
                RequireExpirationTime = true,
                RequireSignedTokens = true,
                ClockSkew = TokenLimits.ClockSkewMax,
            };
        });
    }
}
