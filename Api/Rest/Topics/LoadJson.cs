using System.Text;
using System.Text.Unicode;
using OrleansStream.Contracts;
using OrleansStream.Gateway.Topics;
using OrleansStream.HttpErrors;
using OrleansStream.Partitions;
using OrleansStream.Topics;

namespace OrleansStream.Rest.Topics;

/// <summary>Writes a topic's traffic in the form of answers.</summary>
internal static class LoadJson
{
    /// <summary>Combines partitions and hot keys.</summary>
    /// <param name="load">The partitions and hot keys.</param>
    public static TopicLoadAnswer ToAnswer(TopicLoad load)
    {
        (var topic, var hot) = load;
        var keys = hot.Keys.Where(key => key.Share > 0).ToLookup(key => key.Partition);
        return new TopicLoadAnswer
        {
            CompressionRatio = hot.CompressionRatio,
            Partitions =
            [
                .. topic.Partitions.Select(partition => new PartitionLoadAnswer
                {
                    Partition = partition.Partition,
                    In = ToAnswer(partition.In),
                    Out = ToAnswer(partition.Out),
                    HottestKeys = [.. keys[partition.Partition].Select(ToAnswer)],
                    Error = partition.Error is { } error ? Problems.Of(error) : null,
                }),
            ],
        };
    }

    /// <summary>Writes a flow.</summary>
    /// <param name="flow">The flow; null when it is not known.</param>
    public static FlowAnswer? ToAnswer(PartitionFlow? flow) => flow is not { } rates ? null : new FlowAnswer
    {
        RecordsPerSecond1m = Math.Round(rates.RecordsPerSecond1, 1),
        RecordsPerSecond5m = Math.Round(rates.RecordsPerSecond5, 1),
        BytesPerSecond1m = Math.Round(rates.BytesPerSecond1, 1),
        BytesPerSecond5m = Math.Round(rates.BytesPerSecond5, 1),
    };

    private static HotKeyAnswer ToAnswer(HotKey key)
    {
        var isText = Utf8.IsValid(key.Key.Span);
        return new HotKeyAnswer
        {
            Key = isText ? Encoding.UTF8.GetString(key.Key.Span) : Convert.ToBase64String(key.Key.Span),
            KeyType = isText ? "string" : "binary",
            Share = key.Share,
        };
    }
}
