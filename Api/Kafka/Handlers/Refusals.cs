using OrleansStream.Errors;

namespace OrleansStream.Kafka.Handlers;

/// <summary>What went wrong with an operation, as far as a client can be told.</summary>
internal static class Refusals
{
    /// <summary>The error that a failure is.</summary>
    /// <param name="exception">The failure.</param>
    /// <param name="closed">Cancelled when nobody waits for the answer any more.</param>
    /// <returns>Null for one that nobody foresaw.</returns>
    public static StreamError? Of(Exception exception, CancellationToken closed) => exception switch
    {
        StreamException refused => refused.Error,
        _ when LostCalls.IsLost(exception, closed) => new StreamError(
            StreamErrorCode.RequestTimedOut, "The service did not answer in time; what was asked for may have been done.") { OutcomeUnknown = true },
        _ => null,
    };
}
