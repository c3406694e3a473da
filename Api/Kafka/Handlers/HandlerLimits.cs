namespace OrleansStream.Kafka.Handlers;

/// <summary>Bounds of what one request may ask for, and of what its answer takes.</summary>
internal static class HandlerLimits
{
    /// <summary>The most bytes of records in the answer to a fetch, whatever the client asks for. By default clients ask for 50 MiB.</summary>
    public const int FetchAnswerBytesMax = 16 * 1024 * 1024;

    /// <summary>
    /// The longest wait of a fetch, whatever the client asks for. It is shorter than the time after which clients commonly hang up.
    /// </summary>
    public static readonly TimeSpan FetchWaitMax = TimeSpan.FromSeconds(25);

    /// <summary>The most partitions of one fetch, or of one fetch session.</summary>
    public const int FetchPartitionsMax = 20_000;

    /// <summary>
    /// The longest time for which a produce answer with a retriable error is held back. A client repeats such a request at once, so an answer without
    /// delay would make it repeat without pause.
    /// </summary>
    public static readonly TimeSpan ProduceAgainPauseMax = TimeSpan.FromSeconds(1);

    /// <summary>The most groups that are asked at the same time for one list.</summary>
    public const int ListedGroupsAtOnce = 16;

    /// <summary>The most characters of a client's own name that a member's id begins with.</summary>
    public const int ClientIdLengthMax = 200;
}
