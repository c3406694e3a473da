namespace OrleansStream.Rest.Http;

/// <summary>The names of the headers by which the repeat of a request is recognized.</summary>
internal static class IdentityHeaders
{
    /// <summary>The producer's id.</summary>
    public const string ProducerId = "Producer-Id";

    /// <summary>The producer's epoch.</summary>
    public const string ProducerEpoch = "Producer-Epoch";

    /// <summary>The sequence number of the request's first record.</summary>
    public const string ProducerSequence = "Producer-Sequence";

    /// <summary>A key for the whole request.</summary>
    public const string IdempotencyKey = "Idempotency-Key";

    /// <summary>All these headers.</summary>
    public static readonly string[] All = [ProducerId, ProducerEpoch, ProducerSequence, IdempotencyKey];
}
