
namespace OrleansStream.Gateway.Appending;

/// <summary>The bounds of appending with an identity.</summary>
public static class AppendingLimits
{
    /// <summary>The producer identities that wait for their next request: as many as there are requests at once on so many connections.</summary>
    public const int ProducerLanesMax = 10_000;

    /// <summary>
    /// How often a request goes on under another producer identity, when partitions refuse its own as fenced: nobody can fence one from outside, so
    /// this is for faults not known yet.
    /// </summary>
    public const int ProducerLaneChangesMax = 3;

    /// <summary>
    /// The least time between two questions how far producer ids were given out, which this node asks for an id above those that it knows of: one
    /// answer serves all requests that came before the question, so ids that somebody invents cost four calls a second, however many they are.
    /// </summary>
    public static readonly TimeSpan ProducerIdsAskPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The first pause before something is tried again: Kafka's <c>retry.backoff.ms</c>.</summary>
    public static readonly TimeSpan RetryBackoff = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The longest pause, before its jitter: Kafka's <c>retry.backoff.max.ms</c>. Short against the time that a partition takes to move.
    /// </summary>
    public static readonly TimeSpan RetryBackoffMax = TimeSpan.FromSeconds(1);

    /// <summary>The part of a pause by which it is longer or shorter at random, as in Kafka's clients (KIP-580).</summary>
    public const double RetryJitter = 0.2;

    /// <summary>How long a request is tried that is answered without waiting: its records have no identity, and nobody hears of them again.</summary>
    public static readonly TimeSpan UnacknowledgedTimeout = TimeSpan.FromSeconds(1);

    /// <summary>How long the beginning of a request under a key is tried again: longer than a dead server's grains take to move.</summary>
    public static readonly TimeSpan BeginRepeatMax = TimeSpan.FromSeconds(15);
}
