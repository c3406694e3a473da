namespace OrleansStream.Client.Consuming;

/// <summary>Offsets of a partition that nobody can read, since what is stored there is damaged or gone.</summary>
/// <param name="topic">The topic.</param>
/// <param name="partition">The partition.</param>
/// <param name="firstOffset">The first of the offsets.</param>
/// <param name="lastOffset">The last of them.</param>
/// <param name="reason">Why they cannot be read, as the service says it.</param>
public sealed class UnreadableOffsetsEventArgs(string topic, int partition, long firstOffset, long lastOffset, string reason) : EventArgs
{
    /// <summary>The topic.</summary>
    public string Topic => topic;

    /// <summary>The partition.</summary>
    public int Partition => partition;

    /// <summary>The first of the offsets.</summary>
    public long FirstOffset => firstOffset;

    /// <summary>The last of them.</summary>
    public long LastOffset => lastOffset;

    /// <summary>Why they cannot be read, as the service says it.</summary>
    public string Reason => reason;
}
