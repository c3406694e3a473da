namespace OrleansStream.Kafka.Brokers;

/// <summary>The bounds of what a broker asks the others.</summary>
internal static class BrokerLimits
{
    /// <summary>The longest wait of a client's request for the answer of a silo that is new.</summary>
    public static readonly TimeSpan NewSiloWait = TimeSpan.FromSeconds(1);

    /// <summary>When a silo that did not answer is given up.</summary>
    public static readonly TimeSpan AnswerMax = TimeSpan.FromSeconds(5);

    /// <summary>When a silo that serves no clients is asked again: one that starts listens only when all else has started.</summary>
    public static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>The most partitions whose leaders are asked for one answer. Of others the homes are told.</summary>
    public const int LeadersAskedMax = 20_000;

    /// <summary>
    /// How long an answer waits for the silos to tell what they lead. After it, clients are sent to the home of each partition whose leader did not
    /// answer.
    /// </summary>
    public static readonly TimeSpan LeadersWait = TimeSpan.FromMilliseconds(300);
}
