using System.Collections.Frozen;
using System.Collections.Immutable;
using OrleansStream.Errors;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Kafka's topic settings as clients give them. Those that this service has are its own. Of the others those are taken without effect whose absence
/// breaks no promise: programs set them as a matter of course. All else is refused.
/// </summary>
internal static class TopicSettingNames
{
    private const string CleanupPolicy = "cleanup.policy", Delete = "delete", Compact = "compact", Unlimited = "-1";

    // Name and what it is here.
    private static readonly FrozenDictionary<string, string> WithoutEffectValues = new Dictionary<string, string>
    {
        // Each record is as durable as the store makes it, before it is acknowledged.
        ["min.insync.replicas"] = "1",
        ["unclean.leader.election.enable"] = "false",
        ["flush.messages"] = "1",
        ["flush.ms"] = "0",
        // How a broker lays its files out, and when it frees them.
        ["preallocate"] = "false",
        ["file.delete.delay.ms"] = "60000",
        ["index.interval.bytes"] = "4096",
        ["segment.index.bytes"] = "10485760",
        ["segment.jitter.ms"] = "0",
        ["remote.storage.enable"] = "false",
        ["local.retention.ms"] = "-2",
        ["local.retention.bytes"] = "-2",
        ["leader.replication.throttled.replicas"] = "",
        ["follower.replication.throttled.replicas"] = "",
        // What compaction would go by. There is none, so nothing is removed by it.
        ["delete.retention.ms"] = "86400000",
        ["min.cleanable.dirty.ratio"] = "0.5",
        ["min.compaction.lag.ms"] = "0",
        ["max.compaction.lag.ms"] = "9223372036854775807",
        // Without them compression cannot be tuned, and old formats are not offered; no promise breaks.
        ["compression.gzip.level"] = "-1",
        ["compression.lz4.level"] = "9",
        ["compression.zstd.level"] = "3",
        ["message.downconversion.enable"] = "false",
        ["message.format.version"] = "3.0-IV1",
    }.ToFrozenDictionary();

    /// <summary>The settings that are taken without effect, and what they are here.</summary>
    public static IReadOnlyDictionary<string, string> WithoutEffect => WithoutEffectValues;

    /// <summary>The settings to store for those that a client gives.</summary>
    /// <param name="given">Names and values; null puts one back to its default.</param>
    /// <param name="error">What is wrong with them; null when nothing is.</param>
    public static ImmutableSortedDictionary<string, string?> Read(IEnumerable<KeyValuePair<string, string?>> given, out StreamError? error)
    {
        var settings = ImmutableSortedDictionary.CreateBuilder<string, string?>(StringComparer.Ordinal);
        error = null;
        foreach (var (name, value) in given)
        {
            if (name == CleanupPolicy)
                error ??= ReadPolicy(value, settings);
            else if (!WithoutEffectValues.ContainsKey(name))
                settings[name] = value;
        }

        error ??= TopicSettings.Validate(settings);
        return settings.ToImmutable();
    }

    // Stream processing libraries create compacted topics for their tables, and expect the records to stay.
    private static StreamError? ReadPolicy(string? value, ImmutableSortedDictionary<string, string?>.Builder settings)
    {
        switch (value?.Split(',', StringSplitOptions.TrimEntries))
        {
            case null or [] or [Delete] or [Compact, Delete] or [Delete, Compact]:
                return null;
            case [Compact]:
                settings["retention.ms"] = Unlimited;
                settings["retention.bytes"] = Unlimited;
                return null;
            default:
                return new StreamError(
                    StreamErrorCode.InvalidConfig,
                    $"'{CleanupPolicy}' is '{value}'; it must be {Delete}, {Compact} or both. There is no compaction: with {Compact} alone nothing is deleted.");
        }
    }
}
