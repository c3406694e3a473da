
namespace OrleansStream.Gateway.Appending;

/// <summary>The bounds of appending with an identity.</summary>
public static class AppendingLimits
{
    /// <summary>
    /// The most idle producer identities that a node keeps. It is as many as the requests that its connections can have under way at once.
    /// </summary>
    public const int ProducerLanesMax = 10_000;

    /// <summary>
    /// How often a request is begun again under another producer identity when partitions refuse its own as fenced. No caller can fence an identity
    /// of the service, so the bound only limits the cost of an unforeseen fault.
    /// </summary>
    public const int ProducerLaneChangesMax = 3;

    /// <summary>
    /// The least time between two questions of this node up to which id producer ids were given out. The node asks when a request names a higher id
    /// than it knows. One answer serves all requests that came before the question, so requests with invented ids cost at most four calls a second.
    /// </summary>
    public static readonly TimeSpan ProducerIdsAskPause = TimeSpan.FromMilliseconds(250);

    /// <summary>The first pause before something is tried again: Kafka's <c>retry.backoff.ms</c>.</summary>
    public static readonly TimeSpan RetryBackoff = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The longest pause, before its jitter: Kafka's <c>retry.backoff.max.ms</c>. It is short compared with the time that a partition takes to move.
    /// </summary>
    public static readonly TimeSpan RetryBackoffMax = TimeSpan.FromSeconds(1);

    /// <summary>The part of a pause by which it is longer or shorter at random, as in Kafka's clients (KIP-580).</summary>
    public const double RetryJitter = 0.2;

    /// <summary>How long a request with acks 0 is tried. Its records have no identity, and its caller gets no answer.</summary>
    public static readonly TimeSpan UnacknowledgedTimeout = TimeSpan.FromSeconds(1);

    /// <summary>How long beginning a request with a key is tried. It is longer than the grains of a dead server take to move.</summary>
    public static readonly TimeSpan BeginRepeatMax = TimeSpan.FromSeconds(15);
}
