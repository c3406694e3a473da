using System.Globalization;
using System.Text.Json.Nodes;
using OrleansStream.Contracts;
using OrleansStream.Topics.Partitioning;

namespace OrleansStream.Client.Producing;

/// <summary>What a producer must know of a topic to choose partitions as the service does.</summary>
/// <param name="Partitions">The count of its partitions.</param>
/// <param name="Spread">Spreads the topic's hot keys; null when it has none.</param>
internal sealed record TopicShape(int Partitions, HotKeySpread? Spread)
{
    private const string WidthSetting = "hot.key.spread";
    private const string KeysSetting = "hot.keys";

    /// <summary>Reads it from the service's description of the topic.</summary>
    /// <param name="topic">The description.</param>
    public static TopicShape Of(TopicAnswer topic)
    {
        var keys = HotKeys(Text(topic.Config[KeysSetting]));
        var isSpread = int.TryParse(Text(topic.Config[WidthSetting]), NumberStyles.None, CultureInfo.InvariantCulture, out var width);
        return new TopicShape(topic.Partitions, isSpread && width > 1 && keys.Length > 0 ? new HotKeySpread(width, keys) : null);
    }

    /// <summary>Reads a topic's hot keys as the service does: spaces are part of a key. The service has no list with an empty key.</summary>
    /// <param name="text">The setting's text; empty for none.</param>
    internal static string[] HotKeys(string text) => text.Length == 0 ? [] : text.Split(',');

    private static string Text(JsonNode? value) => value?.ToString() ?? "";
}
