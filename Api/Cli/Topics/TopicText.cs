using System.Text.Json;
using OrleansStream.Cli.Terminal;
using OrleansStream.Cli.Texts;
using OrleansStream.Contracts;

namespace OrleansStream.Cli.Topics;

/// <summary>Shows a topic with its settings and partitions.</summary>
internal static class TopicText
{
    /// <summary>Writes it as columns for people.</summary>
    public static void Write(Screen screen, TopicAnswer topic, PartitionListAnswer partitions)
    {
        screen.Results.WriteLine($"{screen.Styled(topic.Name, "1")}  {Sizes.Partitions(topic.Partitions)}, {Sizes.Bytes(partitions.SizeBytes)}, created {topic.CreatedAt:yyyy-MM-dd HH:mm:ss}Z");
        screen.Results.WriteLine();
        var settings = new Columns("SETTING", "VALUE");
        foreach (var (name, value) in topic.Config)
            settings.Add(name, value?.ToString());
        settings.Write(screen);
        screen.Results.WriteLine();
        var rows = new Columns("PARTITION", "START", "END", "RECORDS", "SIZE", "SEGMENTS", "LEADER");
        foreach (var partition in partitions.Partitions)
        {
            rows.Add(
                partition.Partition, partition.LogStartOffset, partition.HighWatermark, partition.HighWatermark - partition.LogStartOffset,
                Sizes.Bytes(partition.SizeBytes), partition.SegmentCount, partition.Error?.Detail ?? partition.Leader);
        }

        rows.Write(screen);
    }

    /// <summary>For scripts: the service's own description, with the partitions' states in it.</summary>
    public static void WriteJson(Screen screen, TopicAnswer topic, PartitionListAnswer partitions) => JsonLines.Write(screen, json =>
    {
        json.WritePropertyName("topic");
        JsonSerializer.Serialize(json, topic, ApiJsonContext.Api.TopicAnswer);
        json.WriteNumber("size_bytes", partitions.SizeBytes);
        json.WritePropertyName("partitions");
        JsonSerializer.Serialize(json, partitions.Partitions, ApiJsonContext.Api.IReadOnlyListPartitionAnswer);
    });
}
