namespace OrleansStream.Topics;

/// <summary>A topic's settings, with defaults filled in. Names, meanings and defaults are those of Kafka's topic configs.</summary>
public sealed record TopicConfig
{
    /// <summary><c>retention.ms</c>: the age at which a segment may be deleted, in milliseconds; -1 = no limit. Default 7 days.</summary>
    public long RetentionMs { get; init; } = 604_800_000;

    /// <summary><c>retention.bytes</c>: the bytes of a partition that retention by size always leaves; -1 = no limit. Default 1 GiB.</summary>
    public long RetentionBytes { get; init; } = 1_073_741_824;

    /// <summary><c>segment.bytes</c>: the length at which a segment is closed. Default 128 MiB.</summary>
    public int SegmentBytes { get; init; } = 134_217_728;

    /// <summary><c>segment.ms</c>: the age at which a segment is closed, in milliseconds. Default 1 day.</summary>
    public long SegmentMs { get; init; } = 86_400_000;

    /// <summary><c>max.message.bytes</c>: the largest record: its key, value and headers together. Default 1,048,588.</summary>
    public int MaxMessageBytes { get; init; } = 1_048_588;

    /// <summary><c>flush.interval.ms</c>: the least time between two store writes of a partition; 0 = write at once. Default 0.</summary>
    public int FlushIntervalMs { get; init; }

    /// <summary><c>compression.type</c>: the codec with which batches are stored; null = as the producer sent them (<c>producer</c>).</summary>
    public Records.CompressionType? Compression { get; init; }

    /// <summary><c>message.timestamp.type</c>. Default CreateTime.</summary>
    public Records.TimestampType TimestampType { get; init; }

    /// <summary><c>message.timestamp.after.max.ms</c>: how far ahead of the server's clock a record may be dated. Default 1 hour.</summary>
    public long TimestampAfterMaxMs { get; init; } = 3_600_000;

    /// <summary>
    /// <c>hot.key.spread</c>: the count of partitions over which a hot key's records are spread; 0 = they are not spread. Default 0.
    /// </summary>
    public int HotKeySpread { get; init; }

    /// <summary><c>hot.keys</c>: the keys that are spread. Default none.</summary>
    public System.Collections.Immutable.ImmutableArray<string> HotKeys { get; init; } = [];

    /// <summary><c>hot.key.detection</c>: whether keys that are found to be hot are added to <c>hot.keys</c> automatically. Default false.</summary>
    public bool DetectsHotKeys { get; init; }

    /// <summary>Reads settings that <see cref="TopicSettings.Validate"/> checked when they were given.</summary>
    /// <param name="config">
    /// Settings by Kafka's names. A setting or value that this version does not know has no effect, because a topic that a newer version configured
    /// must still be served.
    /// </param>
    public static TopicConfig From(IEnumerable<KeyValuePair<string, string>> config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var result = new TopicConfig();
        foreach (var (name, value) in config)
            result = TopicSettings.Find(name)?.Apply(result, value) ?? result;
        return result;
    }
}
