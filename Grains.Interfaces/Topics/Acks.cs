namespace OrleansStream.Topics;

/// <summary>When an append is answered (Kafka's <c>acks</c>).</summary>
public enum Acks : sbyte
{
    /// <summary>Once the store has confirmed the bytes.</summary>
    All = -1,

    /// <summary>At once, with no result.</summary>
    None = 0,

    /// <summary>Once the leader has ordered the records in memory.</summary>
    Leader = 1,
}
