using System.Net;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>Decides who is told metrics, in every process: Api nodes and silos alike.</summary>
/// <remarks>
/// Metrics name topics and groups, and count what is in them. So where callers sign in, the caller needs to be allowed to describe all of them, and
/// the cluster. Where nobody signs in, only this machine is answered, and no page of a browser, unless everybody may do everything.
/// </remarks>
/// <param name="access">Checks callers' rights.</param>
/// <param name="rules">The keys and rights.</param>
/// <param name="keys">Signs in by keys.</param>
/// <param name="failures">Slows down callers that fail to sign in.</param>
/// <param name="security">How callers sign in.</param>
/// <param name="tokens">Signs in by tokens; null when tokens are not accepted.</param>
internal sealed class MetricsGate(
    AccessControl access, AccessRules rules, KeySignIn keys, FailedSignIns failures, IOptions<SecurityOptions> security, ITokenSignIn? tokens = null)
{
    /// <summary>The scheme of the header <c>Authorization</c>.</summary>
    public const string Scheme = "Bearer ";

    /// <summary>Admits a request, or tells why not.</summary>
    /// <param name="context">The request.</param>
    /// <returns>
    /// Null when it is admitted; <see cref="StreamErrorCode.CoordinatorNotAvailable"/> when nobody can tell just now, so that it may be repeated.
    /// </returns>
    public async ValueTask<StreamError?> FindRefusalAsync(HttpContext context)
    {
        try
        {
            if (access.IsOpen)
                return security.Value.AllowAnonymous || IsLocal(context) ? null : NotLocal();
            await rules.EnsureAsync(context.RequestAborted);
            var principal = await SignInAsync(context);
            access.DemandMetrics(new Caller(principal, context.Connection.RemoteIpAddress, call: "readMetrics"));
            return null;
        }
        catch (StreamException e)
        {
            return e.Error;
        }
        catch (Exception e) when (e is OrleansException or TimeoutException)
        {
            return new StreamError(StreamErrorCode.CoordinatorNotAvailable, "Keys and rights cannot be asked for just now. Retry.");
        }
    }

    private async ValueTask<Principal> SignInAsync(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
            return context.Connection.ClientCertificate is { } certificate ? Principal.OfCertificate(certificate) : Principal.Anonymous;
        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            var token = header[Scheme.Length..].Trim();
            if (token.StartsWith(ApiKeySecret.Prefix, StringComparison.Ordinal))
                return await keys.SignInAsync(token, address, context.RequestAborted);
            if (tokens is not null)
                return await tokens.SignInAsync(token, address, context.RequestAborted);
        }

        await failures.NoteAsync(address, context.RequestAborted);
        throw new StreamException(new StreamError(
            StreamErrorCode.SaslAuthenticationFailed, "The header 'Authorization' must be 'Bearer os_…', with an API key, or 'Bearer …', with a token."));
    }

    // A page can have its reader's browser ask; the browser then names the page's own host, or an origin.
    private static bool IsLocal(HttpContext context) =>
        (context.Connection.RemoteIpAddress is not { } address || IPAddress.IsLoopback(address))
        && (!context.Request.Host.HasValue || IsLoopback(context.Request.Host.Host))
        && context.Request.Headers.Origin.Count == 0;

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static StreamError NotLocal() => new(
        StreamErrorCode.ClusterAuthorizationFailed,
        $"Nobody signs in here, so metrics are told on this machine alone, as http://localhost. Have callers sign in: set {SecurityOptions.SectionName}:ApiKeys.");
}
