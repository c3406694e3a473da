namespace OrleansStream.Client.Consuming;

/// <summary>The place of a record.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition.</param>
/// <param name="Offset">The offset in the partition.</param>
public readonly record struct RecordPlace(string Topic, int Partition, long Offset)
{
    /// <summary>The place as text, such as <c>matches/3@1207</c>.</summary>
    public override string ToString() => $"{Topic}/{Partition}@{Offset}";
}
