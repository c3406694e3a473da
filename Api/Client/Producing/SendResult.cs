using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Producing;

/// <summary>What became of a record that was sent: its place, or the error.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Partition">The partition that it is stored in, or was to be; -1 when none was chosen.</param>
/// <param name="Offset">
/// Its offset in the partition; -1 when it is not stored, and when it was stored by an earlier try whose place the service no longer knows.
/// </param>
/// <param name="Timestamp">Its time.</param>
public readonly record struct SendResult(string Topic, int Partition, long Offset, DateTimeOffset Timestamp)
{
    /// <summary>Why it is not stored, or not known to be; null when it is stored.</summary>
    public StreamServiceException? Error { get; init; }

    /// <summary>True when it is stored.</summary>
    public bool IsStored => Error is null;
}
