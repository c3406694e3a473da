using System.Net;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Telemetry.Prometheus;

/// <summary>Decides who is told metrics, in every process: Api nodes and silos alike.</summary>
/// <remarks>
/// Metrics name topics and groups, and count what is in them. So where callers sign in, the caller needs to be allowed to describe all of them, and
/// the cluster. Where nobody signs in, only this machine is answered, and no page of a browser, unless everybody may do everything.
/// </remarks>
/// <param name="access">Checks callers' rights.</param>
/// <param name="rules">The keys and rights.</param>
/// <param name="bearers">Signs in by keys and tokens.</param>
/// <param name="security">How callers sign in.</param>
internal sealed class MetricsGate(
    AccessControl access, AccessRules rules, BearerSignIn bearers, IOptions<SecurityOptions> security)
{
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
        catch (Exception e) when (LostCalls.IsLost(e, context.RequestAborted))
        {
            return new StreamError(StreamErrorCode.CoordinatorNotAvailable, "Keys and rights cannot be asked for just now. Retry.");
        }
    }

    private async ValueTask<Principal> SignInAsync(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
            return context.Connection.ClientCertificate is { } certificate ? Principal.OfCertificate(certificate) : Principal.Anonymous;
        return await bearers.SignInAsync(header, context.Connection.RemoteIpAddress, context.RequestAborted);
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
