using System.Text.Json.Serialization;

namespace OrleansStream.Contracts;

/// <summary>The traffic of a topic.</summary>
public sealed record TopicLoadAnswer
{
    /// <summary>One entry per partition, in order.</summary>
    public required IReadOnlyList<PartitionLoadAnswer> Partitions { get; init; }

    /// <summary>How many times smaller batches were stored than they came, of those that came uncompressed in the last half minute.</summary>
    /// <example>3.4</example>
    public double? CompressionRatio { get; init; }
}

/// <summary>The traffic of a partition.</summary>
public sealed record PartitionLoadAnswer
{
    /// <summary>Its number.</summary>
    /// <example>3</example>
    public required int Partition { get; init; }

    /// <summary>What is stored in it.</summary>
    public FlowAnswer? In { get; init; }

    /// <summary>What is read from it.</summary>
    public FlowAnswer? Out { get; init; }

    /// <summary>The most frequent of the keys that belong to it, the hottest first.</summary>
    public IReadOnlyList<HotKeyAnswer>? HottestKeys { get; init; }

    /// <summary>Why its rates could not be had.</summary>
    public Problem? Error { get; init; }
}

/// <summary>One direction of a partition's traffic: means that weigh recent traffic more, since its leader opened it.</summary>
public sealed record FlowAnswer
{
    /// <summary>Records a second, over the last minute.</summary>
    /// <example>1250.5</example>
    [JsonPropertyName("records_per_second_1m")]
    public required double RecordsPerSecond1m { get; init; }

    /// <summary>Records a second, over the last five minutes.</summary>
    /// <example>1190.2</example>
    [JsonPropertyName("records_per_second_5m")]
    public required double RecordsPerSecond5m { get; init; }

    /// <summary>Bytes a second, as stored, over the last minute.</summary>
    /// <example>90113.5</example>
    [JsonPropertyName("bytes_per_second_1m")]
    public required double BytesPerSecond1m { get; init; }

    /// <summary>Bytes a second, as stored, over the last five minutes.</summary>
    /// <example>88210.0</example>
    [JsonPropertyName("bytes_per_second_5m")]
    public required double BytesPerSecond5m { get; init; }
}

/// <summary>A frequent key.</summary>
public sealed record HotKeyAnswer
{
    /// <summary>The key: text where its bytes are UTF-8, else base64.</summary>
    /// <example>argentina-brazil</example>
    public required string Key { get; init; }

    /// <summary><c>string</c>, or <c>binary</c> for base64.</summary>
    /// <example>string</example>
    public required string KeyType { get; init; }

    /// <summary>The part of the topic's records of the last half minute that has it, from 0 to 1: at least so much.</summary>
    /// <example>0.87</example>
    public required double Share { get; init; }
}
