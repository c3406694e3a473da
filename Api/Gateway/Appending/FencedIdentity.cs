using OrleansStream.Errors;
using OrleansStream.Topics.Routing;

namespace OrleansStream.Gateway.Appending;

/// <summary>Judges answers of partitions that refuse an identity which the service, and not the caller, gave to the request.</summary>
/// <remarks>
/// Partitions refuse an epoch that is older than the newest one they know (KIP-98). Only the service uses its ids, so this should never happen. If it
/// does, the caller is told whether its records are stored, and the identity is not used again.
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

    /// <summary>Whether nothing of the request was stored for certain, because every part was refused for its identity.</summary>
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

    /// <summary>The answer in the caller's terms. A part that was refused for its identity may be sent again, or has an unknown outcome.</summary>
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
