using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using OrleansStream.Errors;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Issues tickets for clients that cannot send a credential in a header, such as a browser's <c>EventSource</c>. A ticket opens one URL, once, within
/// <see cref="AccessLimits.TicketAge"/>, with the rights of the principal that took it. Safe for any thread.
/// </summary>
/// <param name="access">Checks that the caller has signed in.</param>
/// <param name="rules">The keys and rights.</param>
/// <param name="failures">Delays repeated failures.</param>
/// <param name="grains">Gets the grains that keep the tickets.</param>
public sealed class Tickets(AccessControl access, AccessRules rules, FailedSignIns failures, IGrainFactory grains)
{
    private const int TicketBytes = 32;

    /// <summary>Issues a ticket.</summary>
    /// <param name="caller">The caller, whose rights the ticket gets.</param>
    /// <param name="url">The path and query that it opens.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The ticket. It is a secret until it is used.</returns>
    /// <exception cref="StreamException"><see cref="StreamErrorCode.SaslAuthenticationFailed"/>: the caller has not signed in.</exception>
    public async Task<string> IssueAsync(Caller caller, string url, CancellationToken cancellationToken)
    {
        access.DemandSignedIn(caller);
        var ticket = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(TicketBytes));
        var hash = HashOf(ticket);
        var principal = caller.Principal;
        var holder = new TicketHolder((int)principal.Kind, principal.Name, principal.Roles, principal.Groups, principal.ValidUntil, principal.Key);
        await Grain(hash).KeepAsync(hash, new Ticket(url, holder)).AsTask().WaitAsync(cancellationToken);
        return ticket;
    }

    /// <summary>Signs in by a ticket. The ticket is used up, also when the sign-in fails.</summary>
    /// <param name="ticket">The ticket.</param>
    /// <param name="url">The path and query of the request, without the ticket.</param>
    /// <param name="address">The client's address; null when it is not known.</param>
    /// <param name="cancellationToken">Cancels the sign-in.</param>
    /// <returns>The principal that took the ticket.</returns>
    /// <exception cref="StreamException">
    /// <see cref="StreamErrorCode.SaslAuthenticationFailed"/>: the ticket was used, has expired, is for another URL, or does not exist.
    /// </exception>
    public async ValueTask<Principal> SignInAsync(string ticket, string url, IPAddress? address, CancellationToken cancellationToken)
    {
        await rules.EnsureAsync(cancellationToken);
        var hash = HashOf(ticket);
        if (ticket.Length == 2 * TicketBytes
            && await Grain(hash).TakeAsync(hash).AsTask().WaitAsync(cancellationToken) is { } kept && kept.Url == url)
        {
            var holder = kept.Holder;
            return new Principal((PrincipalKind)holder.Kind, holder.Name)
            {
                Roles = holder.Roles,
                Groups = holder.Groups,
                ValidUntil = holder.ValidUntil,
                Key = holder.Key,
            };
        }

        await failures.NoteAsync(address, cancellationToken);
        throw new StreamException(new StreamError(
            StreamErrorCode.SaslAuthenticationFailed,
            "The ticket was used, has expired, is for another address, or is none. Take another.") { Field = "ticket" });
    }

    private ITicketGrain Grain(ImmutableArray<byte> hash) => grains.GetGrain<ITicketGrain>(ITicketGrain.KeyOf(hash));

    private static ImmutableArray<byte> HashOf(string ticket) => [.. SHA256.HashData(Encoding.UTF8.GetBytes(ticket))];
}
