using System.Globalization;
using OrleansStream.Errors;
using OrleansStream.Records;

namespace OrleansStream.Topics;

/// <summary>One topic setting: its name, its bounds and how its text is read.</summary>
public sealed class TopicSetting
{
    private readonly Func<TopicConfig, string, TopicConfig?> _apply;
    private readonly Func<TopicConfig, string> _format;

    internal TopicSetting(
        string name, string allowed, string description,
        Func<TopicConfig, string, TopicConfig?> apply, Func<TopicConfig, string> format)
    {
        Name = name;
        Allowed = allowed;
        Description = description;
        _apply = apply;
        _format = format;
    }

    /// <summary>The setting's name, which is Kafka's.</summary>
    public string Name { get; }

    /// <summary>The allowed values, as text for people.</summary>
    public string Allowed { get; }

    /// <summary>What it does, in one sentence.</summary>
    public string Description { get; }

    /// <summary>True when the value is a whole number; false when it is text, even if the text looks like a number.</summary>
    public bool IsNumber { get; init; }

    /// <summary>The value when none is given.</summary>
    public string Default => _format(TopicSettings.Defaults);

    /// <summary>The value in a configuration.</summary>
    /// <param name="config">The configuration.</param>
    public string ValueIn(TopicConfig config) => _format(config);

    /// <summary>Sets the value in a configuration.</summary>
    /// <param name="config">The configuration to change.</param>
    /// <param name="value">The value's text.</param>
    /// <returns>The changed configuration, or null when the value is not allowed.</returns>
    public TopicConfig? Apply(TopicConfig config, string value) => _apply(config, value);
}

/// <summary>All topic settings.</summary>
public static class TopicSettings
{
    internal static readonly TopicConfig Defaults = new();

    // The list comes before its index, because field initialisers run from top to bottom.
    private static readonly TopicSetting[] Table =
    [
        Number("retention.ms", -1, TopicLimits.AgeMsMax,
            "The age in milliseconds at which a closed segment may be deleted; -1 = no limit.",
            c => c.RetentionMs, (c, v) => c with { RetentionMs = v }),
        Number("retention.bytes", -1, long.MaxValue,
            "The bytes of a partition that deletion by size always leaves; age alone may delete more. -1 = no limit.",
            c => c.RetentionBytes, (c, v) => c with { RetentionBytes = v }),
        Number("segment.bytes", TopicLimits.SegmentBytesMin, TopicLimits.SegmentBytesMax,
            "The length in bytes at which a segment is closed.",
            c => c.SegmentBytes, (c, v) => c with { SegmentBytes = (int)v }),
        Number("segment.ms", 1, TopicLimits.AgeMsMax,
            "The age in milliseconds at which a segment is closed.",
            c => c.SegmentMs, (c, v) => c with { SegmentMs = v }),
        Number("max.message.bytes", 1, TopicLimits.MessageBytesMax,
            "The largest record in bytes: its key, value and headers together.",
            c => c.MaxMessageBytes, (c, v) => c with { MaxMessageBytes = (int)v }),
        Number("flush.interval.ms", 0, TopicLimits.FlushIntervalMsMax,
            "The least time in milliseconds between two store writes of a partition; 0 = write at once.",
            c => c.FlushIntervalMs, (c, v) => c with { FlushIntervalMs = (int)v }),
        Choice("compression.type",
            [("producer", null), ("uncompressed", CompressionType.None), ("gzip", CompressionType.Gzip),
             ("snappy", CompressionType.Snappy), ("lz4", CompressionType.Lz4), ("zstd", CompressionType.Zstd)],
            "How batches are stored; producer = as they were sent.",
            c => c.Compression, (c, v) => c with { Compression = v }),
        Choice("message.timestamp.type",
            [("CreateTime", TimestampType.CreateTime), ("LogAppendTime", TimestampType.LogAppendTime)],
            "Whose clock dates the records: their producer's or the log's.",
            c => c.TimestampType, (c, v) => c with { TimestampType = v }),
        Number("message.timestamp.after.max.ms", 0, TopicLimits.AgeMsMax,
            "How far ahead of the server's clock, in milliseconds, a record may be dated.",
            c => c.TimestampAfterMaxMs, (c, v) => c with { TimestampAfterMaxMs = v }),
        Number("hot.key.spread", 0, TopicLimits.HotKeySpreadMax,
            "Over how many partitions each key of hot.keys is spread, a request at a time; 0 = not at all. Its records keep their key, and "
            + "their order within a partition only.",
            c => c.HotKeySpread, (c, v) => c with { HotKeySpread = (int)v }),
        new(HotKeyNames.Setting,
            $"up to {TopicLimits.HotKeysMax} different keys separated by commas, each of at most {TopicLimits.HotKeyBytesMax} bytes",
            "The keys that hot.key.spread spreads.",
            (c, text) => HotKeyNames.Parse(text) is { } keys ? c with { HotKeys = keys } : null,
            c => HotKeyNames.Format(c.HotKeys)),
        Choice("hot.key.detection", [("false", false), ("true", true)],
            "Whether a key that alone is much more than an even share of a partition joins hot.keys by itself.",
            c => c.DetectsHotKeys, (c, v) => c with { DetectsHotKeys = v }),
    ];

    private static readonly Dictionary<string, TopicSetting> ByName = Table.ToDictionary(s => s.Name, StringComparer.Ordinal);

    /// <summary>The settings, in a sensible order for reading.</summary>
    public static IReadOnlyList<TopicSetting> All => Table;

    /// <summary>Finds a setting.</summary>
    /// <param name="name">The setting's name, which is Kafka's.</param>
    /// <returns>The setting, or null.</returns>
    public static TopicSetting? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Checks settings by name.</summary>
    /// <param name="config">Names and values; a null value stands for the default.</param>
    /// <returns>
    /// Null when all are known and within bounds; else <see cref="StreamErrorCode.InvalidConfig"/> with the field
    /// <c>config.{name}</c>, saying what is allowed.
    /// </returns>
    public static StreamError? Validate(IEnumerable<KeyValuePair<string, string?>> config)
    {
        ArgumentNullException.ThrowIfNull(config);
        foreach (var (name, value) in config)
        {
            if (Find(name) is not { } setting)
                return Refuse(name, $"There is no setting '{name}'. The settings are: {string.Join(", ", ByName.Keys)}.");
            if (value is not null && setting.Apply(Defaults, value) is null)
                return Refuse(name, $"'{name}' is '{value}'; it must be {setting.Allowed}.");
        }

        return null;
    }

    private static StreamError Refuse(string name, string detail) =>
        new(StreamErrorCode.InvalidConfig, detail) { Field = $"config.{name}" };

    private static TopicSetting Number(
        string name, long min, long max, string description,
        Func<TopicConfig, long> get, Func<TopicConfig, long, TopicConfig> set) => new(
        name, max == long.MaxValue ? $"a whole number from {min} up" : $"a whole number from {min} to {max}", description,
        (config, text) => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max ? set(config, value) : null,
        config => get(config).ToString(CultureInfo.InvariantCulture))
    {
        IsNumber = true,
    };

    private static TopicSetting Choice<T>(
        string name, (string Text, T Value)[] choices, string description,
        Func<TopicConfig, T> get, Func<TopicConfig, T, TopicConfig> set) => new(
        name, $"one of {string.Join(", ", choices.Select(c => c.Text))}", description,
        (config, text) =>
        {
            var index = Array.FindIndex(choices, c => c.Text == text);
            return index < 0 ? null : set(config, choices[index].Value);
        },
        config => Array.Find(choices, c => EqualityComparer<T>.Default.Equals(c.Value, get(config))).Text);
}
