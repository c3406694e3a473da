using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>The rules for the creation and the change of topics.</summary>
internal static class TopicRules
{
    /// <summary>Checks a creation.</summary>
    /// <param name="request">The request.</param>
    /// <param name="copies">The copies that the store keeps.</param>
    /// <returns>Null when the request is allowed; else an error that says what is wrong and what is allowed.</returns>
    public static StreamError? Check(CreateTopicRequest request, int copies)
    {
        if (CheckPartitionCount(request.PartitionCount) is { } refusal)
            return refusal;
        if (request.ReplicationFactor is { } wanted && (wanted < 1 || wanted > copies))
        {
            return new StreamError(
                StreamErrorCode.InvalidReplicationFactor,
                $"The replication factor is {wanted}; this store keeps {copies} copies, so it must be from 1 to {copies}, or left out.")
            {
                Field = "replication_factor",
            };
        }

        return TopicSettings.Validate(request.Config!);
    }

    /// <summary>Checks a change.</summary>
    /// <param name="request">The request.</param>
    /// <param name="topic">The topic as it is.</param>
    /// <returns>Null when the request is allowed; else an error that says what is wrong and what is allowed.</returns>
    public static StreamError? Check(AlterTopicRequest request, TopicMetadata topic)
    {
        if (request.PartitionCount is { } count)
        {
            if (CheckPartitionCount(count) is { } refusal)
                return refusal;
            if (count < topic.PartitionCount)
            {
                return new StreamError(
                    StreamErrorCode.InvalidPartitions,
                    $"The topic has {topic.PartitionCount} partitions, and their count cannot shrink to {count}.")
                {
                    Field = "partitions",
                };
            }
        }

        return request.Config is null ? null : TopicSettings.Validate(request.Config);
    }

    /// <summary>Applies a checked change.</summary>
    /// <param name="request">The request.</param>
    /// <param name="topic">The topic as it is.</param>
    /// <param name="version">The new version.</param>
    public static TopicMetadata Apply(AlterTopicRequest request, TopicMetadata topic, long version)
    {
        var config = topic.Config.ToBuilder();
        foreach (var (name, value) in request.Config ?? ImmutableSortedDictionary<string, string?>.Empty)
        {
            if (value is null)
                config.Remove(name);
            else
                config[name] = value;
        }

        return topic with
        {
            PartitionCount = request.PartitionCount ?? topic.PartitionCount,
            Config = config.ToImmutable(),
            Version = version,
        };
    }

    /// <summary>Describes how a topic differs from a request to create it. Settings that the request leaves out have their defaults.</summary>
    /// <param name="topic">The topic.</param>
    /// <param name="request">A checked request.</param>
    /// <returns>The differences; null when there are none.</returns>
    public static string? Difference(TopicMetadata topic, CreateTopicRequest request)
    {
        var differences = new List<string>();
        if (topic.PartitionCount != request.PartitionCount)
            differences.Add($"partitions is {topic.PartitionCount}, not {request.PartitionCount}");
        var there = TopicConfig.From(topic.Config);
        var asked = TopicConfig.From(request.Config);
        foreach (var setting in TopicSettings.All)
        {
            if (setting.ValueIn(there) != setting.ValueIn(asked))
                differences.Add($"{setting.Name} is {setting.ValueIn(there)}, not {setting.ValueIn(asked)}");
        }

        return differences.Count == 0 ? null : string.Join("; ", differences);
    }

    private static StreamError? CheckPartitionCount(int count) =>
        count is >= 1 and <= TopicLimits.PartitionsMax ? null : new StreamError(
            StreamErrorCode.InvalidPartitions, $"The count of partitions is {count}; it must be from 1 to {TopicLimits.PartitionsMax}.")
        {
            Field = "partitions",
        };
}
