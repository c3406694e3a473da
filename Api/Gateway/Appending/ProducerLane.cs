namespace OrleansStream.Gateway.Appending;

/// <summary>A producer id of this node, for one request at a time.</summary>
/// <param name="id">The id; nobody else has it.</param>
public sealed class ProducerLane(long id)
{
    /// <summary>The id.</summary>
    public long Id { get; } = id;

    /// <summary>The epoch of the request that uses the lane now. It counts the lane's requests.</summary>
    public short Epoch { get; private set; } = -1;

    /// <summary>True once all epochs are used up. The next request then needs another id.</summary>
    public bool IsUsedUp => Epoch == short.MaxValue;

    /// <summary>Begins the next request.</summary>
    public void BeginRequest() => Epoch++;
}
