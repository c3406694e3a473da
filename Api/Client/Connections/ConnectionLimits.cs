namespace OrleansStream.Client.Connections;

/// <summary>The bounds of the client's connections.</summary>
public static class ConnectionLimits
{
    /// <summary>The most tries that a call makes after its first.</summary>
    public const int RetriesMax = 1_000;

    /// <summary>The longest answer that is read, in bytes: the service ends an answer after 8 MiB and the record that passes it.</summary>
    public const int AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>The longest wait between two tries, unless the service asks for a longer one.</summary>
    public static readonly TimeSpan BackoffMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection may take to open. A program that brings a handler of its own can set the same.</summary>
    public static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(10);

    /// <summary>How long a connection is used: a new one finds the node to which the name leads by then.</summary>
    public static readonly TimeSpan ConnectionAgeMax = TimeSpan.FromMinutes(5);

    /// <summary>The longest wait that the service can ask for with <c>Retry-After</c>; a longer one is cut to it.</summary>
    public static readonly TimeSpan RetryAfterMax = TimeSpan.FromHours(1);

    /// <summary>The tries that a call makes after its first unless the caller's options say otherwise.</summary>
    internal const int RetriesDefault = 5;

    /// <summary>About how long a call waits before its second try; the wait grows with each try.</summary>
    internal static readonly TimeSpan BackoffDefault = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest wait between two tries of what is tried until it succeeds.</summary>
    internal static readonly TimeSpan EndlessBackoffMax = TimeSpan.FromSeconds(5);

    /// <summary>How long before its end a token is taken anew.</summary>
    internal static readonly TimeSpan TokenSlack = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a request waits for a new token while the last one has not ended, at most. It is half of the time of a try where that is less, so
    /// that time is left to send the request.
    /// </summary>
    internal static readonly TimeSpan TokenWaitMax = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long the last token serves before the next one is asked for again, if none was given that lasts for longer than <see cref="TokenSlack"/>.
    /// </summary>
    internal static readonly TimeSpan TokenPause = TimeSpan.FromSeconds(30);

    /// <summary>
    /// The least base of the waits between two tries of a call that goes by a time: no count ends its tries. A wait is half of its base or more, but
    /// for the last, which is cut to what is left.
    /// </summary>
    internal static readonly TimeSpan TimedBackoffMin = TimeSpan.FromMilliseconds(10);

    /// <summary>The first size of an answer's buffer, in bytes.</summary>
    internal const int AnswerBytesInitial = 16 * 1024;
}
