using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Topics;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>A request with a key of the client's, until its outcome is remembered.</summary>
/// <param name="appends">Remembers the outcome.</param>
/// <param name="key">The hash of the key.</param>
/// <param name="runner">This request.</param>
public sealed class KeyedRequest(IKeyedAppendsGrain appends, string key, Guid runner)
{
    /// <summary>True once it is known how it ended.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>
    /// Remembers the outcome. If this fails, a repeat of the request is made again, and the partitions recognize what they have stored.
    /// </summary>
    /// <param name="response">The outcome.</param>
    public Task EndAsync(RecordsAppendResponse response)
    {
        StoredPart[] parts = [.. response.Parts.Select(part => part.ToStored())];
        return EndAsync(OutcomeOf(response), parts);
    }

    /// <summary>Ends a request that was refused before it was made.</summary>
    /// <param name="isResumed">True when an earlier try may have stored something.</param>
    public Task AbandonAsync(bool isResumed) => EndAsync(isResumed ? KeyedOutcome.Open : KeyedOutcome.Nothing, []);

    private async Task EndAsync(KeyedOutcome outcome, StoredPart[] parts)
    {
        HasEnded = true;
        try
        {
            await appends.EndAsync(key, runner, outcome, [.. parts]);
        }
        catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
        {
            // The answer to the client is right nevertheless.
        }
    }

    private static KeyedOutcome OutcomeOf(RecordsAppendResponse response)
    {
        if (RecordsAppender.HasOpenOutcome(response))
            return KeyedOutcome.Open;
        if (response.Parts.All(part => part.Response.Error is not null))
            return KeyedOutcome.Nothing;
        // An error that may pass is not remembered, so that a repeat of the request tries again.
        return response.Parts.Any(part => part.Response.Error is { } error && error.Code.IsRetriable())
            ? KeyedOutcome.Open
            : KeyedOutcome.Done;
    }
}
