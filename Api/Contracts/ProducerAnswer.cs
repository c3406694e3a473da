namespace OrleansStream.Api.Contracts;

/// <summary>A producer: what makes the repeats of its requests known.</summary>
internal sealed record ProducerAnswer
{
    /// <summary>Its id, for the header <c>Producer-Id</c>.</summary>
    /// <example>1099511627776</example>
    public required long ProducerId { get; init; }

    /// <summary>Its epoch, for the header <c>Producer-Epoch</c>.</summary>
    /// <example>0</example>
    public required short ProducerEpoch { get; init; }
}
