namespace OrleansStream.WebConsole.Topics;

/// <summary>A setting of a topic, for people: what it means, and what it may be.</summary>
/// <param name="Name">Kafka's name of it.</param>
/// <param name="Meaning">What it does.</param>
/// <param name="Choices">Its values, where they are a list; empty for others.</param>
/// <param name="Least">The least number; null for a text.</param>
public sealed record TopicSetting(string Name, string Meaning, IReadOnlyList<string> Choices, long? Least)
{
    /// <summary>The settings that a person changes, in the order in which they matter.</summary>
    public static readonly IReadOnlyList<TopicSetting> All =
    [
        new("retention.ms", "A segment whose records are all older is deleted, in milliseconds; -1: no limit. It counts from the records' own timestamps.", [], -1),
        new("retention.bytes", "When a partition is larger, its oldest segments are deleted, but at least this much remains, in bytes; -1: no limit.", [], -1),
        new("segment.bytes", "A segment of this length is closed, in bytes. Only closed segments are deleted.", [], 1),
        new("segment.ms", "A segment of this age is closed, in milliseconds.", [], 1),
        new("max.message.bytes", "The largest record: key, value and headers, in bytes. Store larger payloads elsewhere and send their address.", [], 0),
        new("flush.interval.ms", "The least time between two writes of a partition, in milliseconds. More saves requests to the storage account, and records wait longer.", [], 0),
        new("compression.type", "How stored batches are compressed; producer keeps what the producer chose.", ["producer", "gzip", "snappy", "lz4", "zstd", "uncompressed"], null),
        new("message.timestamp.type", "CreateTime: a record's own time counts. LogAppendTime: the time at which it is appended.", ["CreateTime", "LogAppendTime"], null),
        new("message.timestamp.after.max.ms", "A record dated further ahead is refused, in milliseconds.", [], 0),
        new("hot.key.spread", "Over how many partitions each hot key is spread; 0: none. Its records keep their order within a partition only.", [], 0),
        new("hot.keys", "The keys that are spread, separated by commas.", [], null),
        new("hot.key.detection", "true: a key that alone is much more than an even share of a partition joins hot.keys by itself.", ["false", "true"], null),
    ];

    /// <summary>True when a change deletes records that would have been kept.</summary>
    /// <param name="name">The name of the setting, such as <c>retention.ms</c>.</param>
    /// <param name="now">The value that it has now.</param>
    /// <param name="then">The value that it gets.</param>
    public static bool IsLessRetention(string name, string now, string then)
    {
        if (name is not ("retention.ms" or "retention.bytes"))
            return false;
        return KeptOf(then) < KeptOf(now);

        // -1 has no limit.
        static ulong KeptOf(string value) =>
            long.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var number) ? (ulong)number : ulong.MaxValue;
    }

    /// <summary>What is wrong with a value; null for nothing. The service judges it again.</summary>
    /// <param name="value">The value as it was typed.</param>
    public string? FindFault(string value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (Choices.Count > 0)
            return Choices.Contains(value) ? null : $"One of {string.Join(", ", Choices)}.";
        if (Least is not { } least)
            return null;
        return long.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= least ? null : $"A whole number, {least} or more.";
    }
}
