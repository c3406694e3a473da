using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.Http;

/// <summary>
/// Answers browsers that ask whether pages of other origins may call the service (Fetch, section 3.2): those of the settings may, and no others.
/// </summary>
internal static class AllowedOrigins
{
    // What an answer tells besides its body; a page sees no other header.
    private static readonly string[] Exposed =
        ["Retry-After", "WWW-Authenticate", "Location", "Topic-Id", "Fetch-Offset", "Next-Offset", "Log-Start-Offset", "High-Watermark"];

    private static readonly TimeSpan PreflightAge = TimeSpan.FromHours(1);

    /// <summary>Lets pages of the allowed origins call; without any, nothing is told to any page.</summary>
    public static void UseAllowedOrigins(this IApplicationBuilder app)
    {
        var origins = app.ApplicationServices.GetRequiredService<IOptions<SecurityOptions>>().Value.AllowedOrigins;
        if (origins.Length > 0)
        {
            app.UseCors(policy => policy.WithOrigins(origins).AllowAnyMethod().AllowAnyHeader().WithExposedHeaders(Exposed)
                .SetPreflightMaxAge(PreflightAge));
        }
    }
}
