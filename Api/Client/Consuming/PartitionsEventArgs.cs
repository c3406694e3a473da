using OrleansStream.Client.Records;

namespace OrleansStream.Client.Consuming;

/// <summary>Partitions that a consumer got, handed over or lost.</summary>
/// <param name="partitions">The partitions.</param>
public sealed class PartitionsEventArgs(IReadOnlyList<TopicPartition> partitions) : EventArgs
{
    /// <summary>The partitions, by topic and number.</summary>
    public IReadOnlyList<TopicPartition> Partitions => partitions;
}
