namespace OrleansStream.Topics;

/// <summary>A topic's settings with their defaults filled in. Names, meanings and defaults are Kafka's topic configs.</summary>
public sealed record TopicConfig
{
    /// <summary><c>retention.ms</c>: the age at which a segment may be deleted, in milliseconds; -1 = no limit. Default 7 days.</summary>
    public long RetentionMs { get; init; } = 604_800_000;

    /// <summary><c>retention.bytes</c>: the bytes of a partition that are kept at least; -1 = no limit. Default 1 GiB.</summary>
    public long RetentionBytes { get; init; } = 1_073_741_824;

    /// <summary><c>segment.bytes</c>: the length at which a segment is closed. Default 128 MiB.</summary>
    public int SegmentBytes { get; init; } = 134_217_728;

    /// <summary><c>segment.ms</c>: the age at which a segment is closed, in milliseconds. Default 1 day.</summary>
    public long SegmentMs { get; init; } = 86_400_000;

    /// <summary><c>max.message.bytes</c>: the largest record: its key, value and headers together. Default 1,048,588.</summary>
    public int MaxMessageBytes { get; init; } = 1_048_588;

    /// <summary><c>flush.interval.ms</c>: the least time between two store writes of a partition; 0 = write at once. Default 0.</summary>
    public int FlushIntervalMs { get; init; }

    /// <summary><c>compression.type</c>: null = as the producer sent it (<c>producer</c>), else the codec batches are stored with.</summary>
    public Records.CompressionType? Compression { get; init; }

    /// <summary><c>message.timestamp.type</c>. Default CreateTime.</summary>
    public Records.TimestampType TimestampType { get; init; }

    /// <summary><c>message.timestamp.after.max.ms</c>: how far ahead of the server's clock a record may be dated. Default 1 hour.</summary>
    public long TimestampAfterMaxMs { get; init; } = 3_600_000;

    /// <summary><c>hot.key.spread</c>: over how many partitions a hot key's records are spread; 0 = none is. Default 0.</summary>
    public int HotKeySpread { get; init; }

    /// <summary><c>hot.keys</c>: the keys that are spread. Default none.</summary>
    public System.Collections.Immutable.ImmutableArray<string> HotKeys { get; init; } = [];

    /// <summary><c>hot.key.detection</c>: whether keys that are found hot join <c>hot.keys</c> by themselves. Default false.</summary>
    public bool DetectsHotKeys { get; init; }

    /// <summary>Reads settings that were validated by <see cref="TopicSettings.Validate"/> when they were given.</summary>
    /// <param name="config">Settings by Kafka's names. One that this version does not know, or not with that value, has no
    /// effect: a topic that a newer version configured must go on being served.</param>
    public static TopicConfig From(IEnumerable<KeyValuePair<string, string>> config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var result = new TopicConfig();
        foreach (var (name, value) in config)
            result = TopicSettings.Find(name)?.Apply(result, value) ?? result;
        return result;
    }
}
