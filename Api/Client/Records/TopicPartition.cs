namespace OrleansStream.Client.Records;

/// <summary>A partition of a topic.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition's number, from 0.</param>
public readonly record struct TopicPartition(string Topic, int Partition)
{
    /// <summary>The partition as text, such as <c>matches/3</c>.</summary>
    public override string ToString() => $"{Topic}/{Partition}";
}
