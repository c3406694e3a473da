using OrleansStream.Errors;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>What it means for a request that a partition refuses the identity which the service gave it, and not the caller.</summary>
/// <remarks>
/// Partitions refuse an older epoch than they know of (KIP-98). Nobody but the service can use its ids, so that does not happen; should it all the same,
/// the caller can do nothing about it. It is told whether its records are stored, and the identity is not used again.
/// </remarks>
public static class FencedIdentity
{
    /// <summary>Tells whether a partition knows a newer epoch of the request's identity.</summary>
    /// <param name="response">The answer.</param>
    public static bool IsIn(RecordsAppendResponse response)
    {
        foreach (var part in response.Parts)
        {
            if (part.Response.Error is { Code: StreamErrorCode.InvalidProducerEpoch })
                return true;
        }

        return false;
    }

    /// <summary>Tells whether it is certain that nothing of the request was stored, all of it being refused for its identity.</summary>
    /// <param name="response">The answer.</param>
    public static bool KeptAllOut(RecordsAppendResponse response)
    {
        if (response.Error is not null || response.HasStrays || response.Parts.IsEmpty)
            return false;
        foreach (var part in response.Parts)
        {
            if (part.Response.Error is not { Code: StreamErrorCode.InvalidProducerEpoch, OutcomeUnknown: false })
                return false;
        }

        return true;
    }

    /// <summary>The answer in the caller's terms: what was refused for its identity can be sent again, or has an unknown outcome.</summary>
    /// <param name="response">The answer.</param>
    public static RecordsAppendResponse Told(RecordsAppendResponse response) => response with
    {
        Parts = [.. response.Parts.Select(part => part.Response.Error is { Code: StreamErrorCode.InvalidProducerEpoch } error
            ? part with { Response = part.Response with { Error = Told(error.OutcomeUnknown) } }
            : part)],
    };

    private static StreamError Told(bool isOutcomeUnknown) => isOutcomeUnknown
        ? new StreamError(
            StreamErrorCode.RequestTimedOut,
            "A try of these records had no answer, and the partition does not take their identity any more: they may be stored.") { OutcomeUnknown = true }
        : new StreamError(
            StreamErrorCode.NotLeaderOrFollower,
            "The partition does not take the identity that the service gave these records; none of them was stored. Send them again.");
}
