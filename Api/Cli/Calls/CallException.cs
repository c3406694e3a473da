namespace OrleansStream.Cli.Calls;

/// <summary>A run cannot go on, and the message says what to do.</summary>
/// <param name="exitCode">What the shell is told.</param>
/// <param name="message">What is wrong: one sentence.</param>
/// <param name="advice">What to do; null when the message says it.</param>
internal sealed class CallException(int exitCode, string message, string? advice = null) : Exception(message)
{
    /// <summary>What the shell is told.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>What to do; null when the message says it.</summary>
    public string? Advice { get; } = advice;

    /// <summary>A topic has no such partition.</summary>
    /// <param name="topic">The topic's name.</param>
    /// <param name="wanted">The partition that was asked for.</param>
    /// <param name="count">How many partitions the topic has; they are numbered from 0.</param>
    public static CallException NoPartition(string topic, int wanted, int count) => new(
        Calls.ExitCode.NotFound, $"The topic {topic} has no partition {wanted}; it has {(count == 1 ? "1 partition" : $"{count:N0} partitions")}, from 0 on.");

    /// <summary>The command line is wrong.</summary>
    /// <param name="message">What is wrong, and what is allowed.</param>
    public static CallException Usage(string message) => new(Calls.ExitCode.Usage, message);
}
