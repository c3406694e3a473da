using System.Security.Cryptography;
using System.Text;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.OpenApi;

/// <summary>
/// Has the browser hold the page to what it is: scripts and styles of this service alone, requests to it and to the issuer that people sign in with,
/// in no frame.
/// </summary>
/// <remarks>
/// Content Security Policy, level 3. Swagger UI makes functions of texts in its own settings (<c>unsafe-eval</c>) and writes styles into its
/// elements; no text of an answer becomes a script.
/// </remarks>
internal static class PageHeaders
{
    /// <summary>Sends the headers with every part of the page.</summary>
    /// <param name="page">Where the page is served.</param>
    /// <param name="script">The one script that stands in the page itself.</param>
    /// <param name="issuer">How people sign in.</param>
    public static void UsePageHeaders(this IApplicationBuilder page, string script, OpenIdConnectOptions issuer)
    {
        var hash = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(script)));
        var connect = issuer.IsSet ? $"'self' {new Uri(issuer.Authority!).GetLeftPart(UriPartial.Authority)}" : "'self'";
        var policy = $"default-src 'none'; script-src 'self' 'sha256-{hash}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
            + $"connect-src {connect}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        page.Use((context, next) =>
        {
            var headers = context.Response.Headers;
            // The page that the issuer sends people back to has a script of its own in it.
            if (context.Request.Path.Value?.EndsWith("/oauth2-redirect.html", StringComparison.Ordinal) != true)
                headers.ContentSecurityPolicy = policy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            return next(context);
        });
    }
}
