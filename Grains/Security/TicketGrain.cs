using System.Collections.Immutable;

namespace OrleansStream.Security;

/// <summary>Keeps a share of the tickets in memory. When there are too many, the oldest are dropped.</summary>
[GrainType("tickets")]
internal sealed class TicketGrain(TimeProvider time) : Grain, ITicketGrain
{
    private readonly Dictionary<string, (Ticket Ticket, long At)> _tickets = new(StringComparer.Ordinal);
    private readonly Queue<string> _order = new();

    /// <inheritdoc/>
    public ValueTask KeepAsync(ImmutableArray<byte> hash, Ticket ticket)
    {
        var name = Convert.ToHexString(hash.AsSpan());
        _tickets[name] = (ticket, time.GetTimestamp());
        _order.Enqueue(name);
        // Used tickets stay in the queue until their turn.
        while (_order.Count > AccessLimits.TicketsPerShardMax)
            _tickets.Remove(_order.Dequeue());
        return default;
    }

    /// <inheritdoc/>
    public ValueTask<Ticket?> TakeAsync(ImmutableArray<byte> hash) => new(
        _tickets.Remove(Convert.ToHexString(hash.AsSpan()), out var kept) && time.GetElapsedTime(kept.At) < AccessLimits.TicketAge ? kept.Ticket
            : null);
}
