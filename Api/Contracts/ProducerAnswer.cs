namespace OrleansStream.Contracts;

/// <summary>The producer whose next epoch is wanted; nothing for a new producer.</summary>
public sealed record ProducerRequest
{
    /// <summary>Its id; goes with its epoch.</summary>
    public long? ProducerId { get; init; }

    /// <summary>Its epoch, as it was told.</summary>
    public short? ProducerEpoch { get; init; }
}

/// <summary>A producer: what makes the repeats of its requests known.</summary>
public sealed record ProducerAnswer
{
    /// <summary>Its id, for the header <c>Producer-Id</c>.</summary>
    /// <example>1099511627776</example>
    public required long ProducerId { get; init; }

    /// <summary>Its epoch, for the header <c>Producer-Epoch</c>.</summary>
    /// <example>0</example>
    public required short ProducerEpoch { get; init; }
}
