using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Connections.Features;
using OrleansStream.Gateway.Security;

namespace OrleansStream.Rest.Http;

/// <summary>Finds the principal of a request's caller. The gateway, and not this class, decides what the caller may do.</summary>
/// <remarks>
/// A connection of HTTP/1.1 remembers the principal of its last request, and signs in again only when the header changes. Each operation nevertheless
/// checks whether the key was revoked or the token has expired.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="access">Tells whether callers must sign in.</param>
/// <param name="rules">The keys and rights.</param>
/// <param name="bearers">Signs in by keys and tokens.</param>
/// <param name="tickets">Signs in by tickets.</param>
internal sealed class SignInMiddleware(
    RequestDelegate next, AccessControl access, AccessRules rules, BearerSignIn bearers, Tickets tickets)
{
    /// <summary>The query parameter that a ticket comes in.</summary>
    public const string Ticket = "ticket";

    private static readonly object ConnectionKey = new();

    /// <summary>Runs one request.</summary>
    /// <param name="context">The request, with its endpoint chosen.</param>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<Operation>() is not { Right.IsNone: false })
            return next(context);
        if (access.IsOpen)
        {
            Set(context, Principal.Anonymous);
            return next(context);
        }

        // Several of them are one text, which is no credential.
        var header = context.Request.Headers.Authorization.ToString();
        var ticket = header.Length == 0 ? FindTicket(context) : null;
        if (ticket is null && FindRemembered(context, header) is { } known)
        {
            Set(context, known);
            return next(context);
        }

        return SignInAsync(context, header, ticket);
    }

    private async Task SignInAsync(HttpContext context, string header, string? ticket)
    {
        await rules.EnsureAsync(context.RequestAborted);
        Principal principal;
        if (ticket is not null)
        {
            principal = await tickets.SignInAsync(ticket, AddressWithoutTicket(context.Request), context.Connection.RemoteIpAddress,
                context.RequestAborted);
        }
        else
        {
            principal = header.Length > 0
                ? await bearers.SignInAsync(header, context.Connection.RemoteIpAddress, context.RequestAborted)
                : FindCertificate(context) ?? Principal.Anonymous;
            if (ItemsOf(context) is { } items)
                items[ConnectionKey] = new Remembered(header, principal);
        }

        Set(context, principal);
        await next(context);
    }

    private static Principal? FindCertificate(HttpContext context) =>
        context.Connection.ClientCertificate is { } certificate ? Principal.OfCertificate(certificate) : null;

    private static string? FindTicket(HttpContext context) =>
        context.GetEndpoint()!.Metadata.GetMetadata<Operation>()!.HasParameter(ParameterPlace.Query, Ticket) ? Parameters.Text(context, Ticket)
            : null;

    private static string AddressWithoutTicket(HttpRequest request)
    {
        var others = (request.QueryString.Value ?? "").TrimStart('?').Split('&')
            .Where(part => part.Length > 0 && !part.StartsWith(Ticket + "=", StringComparison.Ordinal));
        var (path, query) = (request.Path.ToUriComponent(), string.Join('&', others));
        return query.Length == 0 ? path : $"{path}?{query}";
    }

    private static Principal? FindRemembered(HttpContext context, string header) =>
        ItemsOf(context) is { } items && items.TryGetValue(ConnectionKey, out var item) && item is Remembered remembered
            && IsSame(remembered.Header, header)
            ? remembered.Principal
            : null;

    // The server returns the same string object when the bytes are the same. Otherwise the texts are compared, because a proxy's connection may carry
    // other callers' requests.
    private static bool IsSame(string known, string given) =>
        ReferenceEquals(known, given)
            || CryptographicOperations.FixedTimeEquals(MemoryMarshal.AsBytes(known.AsSpan()), MemoryMarshal.AsBytes(given.AsSpan()));

    // Requests of HTTP/2 share a connection and run concurrently.
    private static IDictionary<object, object?>? ItemsOf(HttpContext context) =>
        HttpProtocol.IsHttp11(context.Request.Protocol) ? context.Features.Get<IConnectionItemsFeature>()?.Items : null;

    private static void Set(HttpContext context, Principal principal) =>
        context.Features.Set(new Caller(
            principal, context.Connection.RemoteIpAddress, ClientIds.Named(context), context.GetEndpoint()?.Metadata.GetMetadata<Operation>()?.Id));

    private sealed record Remembered(string Header, Principal Principal);
}
