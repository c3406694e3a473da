using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OrleansStream.Api.Hosting.Auditing;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Api.Hosting.SignIn;

/// <summary>How the process finds out who calls: by the settings of <see cref="SecurityOptions"/>.</summary>
internal static class SignInHosting
{
    // Kerberos' bound, and Kafka's brokers' clocks differ by less.
    private static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(2);

    // What an unknown key id may cost the issuer, whoever sends them.
    private static readonly TimeSpan KeysPauseMin = TimeSpan.FromMinutes(1);

    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    /// <summary>Adds the ways to sign in that are set.</summary>
    /// <param name="builder">The host.</param>
    public static void AddSignIn(this WebApplicationBuilder builder)
    {
        var security = builder.Configuration.GetSection(SecurityOptions.SectionName).Get<SecurityOptions>() ?? new SecurityOptions();
        if (security.RequiresSignIn)
        {
            // Where nobody signs in, nobody is known who could be written down.
            builder.Services.AddSingleton<AuditTrail>();
            builder.Services.AddSingleton<IAudit>(services => services.GetRequiredService<AuditTrail>());
            builder.Services.AddHostedService(services => services.GetRequiredService<AuditTrail>());
        }

        if (!security.OpenIdConnect.IsSet)
            return;
        builder.Services.AddSingleton<ITokenSignIn, TokenSignIn>();
        // Its options alone: the whole of ASP.NET Core's authentication would keep keys of its own for cookies, in a folder of this machine.
        builder.Services.AddSingleton<IPostConfigureOptions<JwtBearerOptions>, JwtBearerPostConfigureOptions>();
        builder.Services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, bearer =>
        {
            bearer.Authority = security.OpenIdConnect.Authority;
            bearer.Audience = security.OpenIdConnect.Audience;
            // The settings' check lets no other than https through, but for this machine.
            bearer.RequireHttpsMetadata = !new Uri(security.OpenIdConnect.Authority!).IsLoopback;
            bearer.MapInboundClaims = false;
            bearer.RefreshInterval = KeysPauseMin;
            bearer.TokenValidationParameters = new TokenValidationParameters
            {
                // Signed by the issuer's own keys, and by nothing that a client could know.
                ValidAlgorithms = Algorithms,
                ValidateIssuer = true,
                ValidateAudience = true,
                ValidateLifetime = true,
                ValidateIssuerSigningKey = true,
                RequireExpirationTime = true,
                RequireSignedTokens = true,
                ClockSkew = ClockSkewMax,
            };
        });
    }
}
