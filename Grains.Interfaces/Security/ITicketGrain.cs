using System.Collections.Immutable;

namespace OrleansStream.Security;

/// <summary>
/// Keeps tickets until they are used: each opens one address once, on behalf of whoever took it. Key: one of <see cref="ShardsCount"/>.
/// </summary>
/// <remarks>In memory alone: a ticket that is lost with its silo is taken anew.</remarks>
[Alias("os.ITicketGrain")]
public interface ITicketGrain : IGrainWithIntegerKey
{
    /// <summary>How many grains share the tickets.</summary>
    const int ShardsCount = 16;

    /// <summary>The key of the grain that keeps a ticket.</summary>
    /// <param name="hash">The ticket's hash.</param>
    static long KeyOf(ImmutableArray<byte> hash) => hash[0] % ShardsCount;

    /// <summary>Keeps a ticket.</summary>
    /// <param name="hash">Its SHA-256; the ticket itself is known to its owner alone.</param>
    /// <param name="ticket">What it opens.</param>
    [Alias("KeepAsync")]
    ValueTask KeepAsync(ImmutableArray<byte> hash, Ticket ticket);

    /// <summary>Uses a ticket up, whether or not it opens the address.</summary>
    /// <param name="hash">Its SHA-256.</param>
    /// <returns>What it opens; null when there is none, or it was used, or has expired.</returns>
    [Alias("TakeAsync")]
    ValueTask<Ticket?> TakeAsync(ImmutableArray<byte> hash);
}

/// <summary>What a ticket opens, and on whose behalf.</summary>
/// <param name="Url">The path and the query.</param>
/// <param name="Holder">Who took it.</param>
[GenerateSerializer, Immutable, Alias("os.Ticket")]
public sealed record Ticket([property: Id(0)] string Url, [property: Id(1)] TicketHolder Holder);

/// <summary>Who took a ticket.</summary>
/// <param name="Kind">By what it had shown who it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Roles">Its roles.</param>
/// <param name="Groups">Its groups.</param>
/// <param name="ValidUntil">From when on it has to sign in again; null for never.</param>
/// <param name="Key">The key that it signed in with; null without one.</param>
[GenerateSerializer, Immutable, Alias("os.TicketHolder")]
public sealed record TicketHolder(
    [property: Id(0)] int Kind,
    [property: Id(1)] string Name,
    [property: Id(2)] ImmutableArray<AccessRole> Roles,
    [property: Id(3)] ImmutableArray<string> Groups,
    [property: Id(4)] DateTimeOffset? ValidUntil,
    [property: Id(5)] ApiKey? Key);
