using System.Net;
using Microsoft.Extensions.Options;
using OrleansStream.Gateway.Security;
using OrleansStream.HttpErrors;
using OrleansStream.Rest.Errors;

namespace OrleansStream.Rest.Http;

/// <summary>Refuses what pages of other origins have a browser send: loopback is no wall against the web.</summary>
/// <remarks>
/// A page anywhere can have its reader's browser send to <c>localhost</c>: simple requests (a form, <c>text/plain</c>) without asking first, and all
/// others once its own name resolves to 127.0.0.1 (DNS rebinding). So where nobody signs in the <c>Host</c> must be a name of loopback; and an
/// <c>Origin</c>, which every browser sends with what a page of another one asks for, must be the service's own or an allowed one (RFC 6454; Fetch,
/// section 3.1). A <c>Host</c> without a dot is taken from programs that write their requests by hand and put any word there. No browser does: each
/// one sends <c>User-Agent</c> and <c>Accept-Encoding</c>, and a page cannot take the second away (Fetch, section 2.2.2, forbidden request-headers).
/// </remarks>
internal sealed class ForeignPageMiddleware(RequestDelegate next, IOptions<SecurityOptions> options)
{
    private readonly HashSet<string> _allowed = new(options.Value.AllowedOrigins, StringComparer.OrdinalIgnoreCase);
    private readonly bool _isLocalOnly = !options.Value.RequiresSignIn && !options.Value.AllowAnonymous;

    // The host that was last found to be the loopback's. Nearly all callers have the same one.
    private string? _lastLoopback;

    /// <summary>Runs one request.</summary>
    /// <param name="context">The request, with its endpoint chosen.</param>
    /// <exception cref="RequestException">It is a foreign page's.</exception>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is { Right.IsNone: false })
            Check(context.Request);
        return next(context);
    }

    private void Check(HttpRequest request)
    {
        var host = request.Host;
        // HTTP/1.0 may leave it out, and no browser speaks that.
        if (_isLocalOnly && host.HasValue && !IsKnownLoopback(host) && !IsAnyWordOfAProgram(request))
        {
            throw new RequestException(
                HttpFault.HostNotAllowed, $"'{RequestException.Shown(host.Value!)}' is no name of this machine's loopback, and nobody has to sign in here: call http://localhost, or have callers sign in.");
        }

        if (request.Headers.Origin.Count == 0)
            return;
        var origin = request.Headers.Origin.ToString();
        if (!_allowed.Contains(origin) && !IsOwn(origin, host))
        {
            throw new RequestException(
                HttpFault.OriginNotAllowed, $"Pages of '{RequestException.Shown(origin)}' may not call this service; {SecurityOptions.SectionName}:AllowedOrigins names those that may.");
        }
    }

    private static bool IsAnyWordOfAProgram(HttpRequest request) =>
        request.Host.Host.All(char.IsAsciiLetterOrDigit) && !request.Host.Host.All(char.IsAsciiDigit)
        && request.Headers is { UserAgent.Count: 0, AcceptEncoding.Count: 0, Origin.Count: 0, Referer.Count: 0 };

    // By name and port: a proxy may end TLS, and then the schemes differ.
    private static bool IsOwn(string origin, HostString host) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
        && uri.Authority.Equals(host.Value, StringComparison.OrdinalIgnoreCase);

    private bool IsKnownLoopback(HostString host)
    {
        if (string.Equals(host.Value, _lastLoopback, StringComparison.Ordinal))
            return true;
        var isLoopback = IsLoopback(host.Host);
        if (isLoopback)
            _lastLoopback = host.Value;
        return isLoopback;
    }

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        // RFC 6761: no name server is asked for these.
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
        || IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address);
}
