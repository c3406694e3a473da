namespace OrleansStream.Instrumentation;

/// <summary>
/// The topics of which each partition has metrics of its own. Every other topic has one series of each metric, for all its partitions together, so
/// that the number of series does not grow with the number of partitions. Safe for any thread.
/// </summary>
public sealed class MeasuredTopics
{
    /// <summary>The end of a pattern that stands for all names that begin with what is before it.</summary>
    public const char Wildcard = '*';

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<string> _prefixes = [];

    /// <summary>Takes the patterns.</summary>
    /// <param name="patterns">Names of topics, or beginnings of names with <see cref="Wildcard"/> behind them.</param>
    public MeasuredTopics(IEnumerable<string> patterns)
    {
        ArgumentNullException.ThrowIfNull(patterns);
        foreach (var pattern in patterns)
        {
            if (pattern.EndsWith(Wildcard))
                _prefixes.Add(pattern[..^1]);
            else
                _names.Add(pattern);
        }
    }

    /// <summary>No topic has metrics of its partitions.</summary>
    public static MeasuredTopics None { get; } = new([]);

    /// <summary>True when each partition of a topic has metrics of its own.</summary>
    /// <param name="topic">The topic's name.</param>
    public bool HasPartitions(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return _names.Contains(topic) || _prefixes.Exists(prefix => topic.StartsWith(prefix, StringComparison.Ordinal));
    }
}
