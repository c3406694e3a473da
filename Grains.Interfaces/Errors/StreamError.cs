namespace OrleansStream.Errors;

/// <summary>
/// An expected failure, as data. A produce over several partitions can fail in part, so a failure is an answer and not an exception.
/// </summary>
/// <param name="Code">The kind of failure, by Kafka's name and number.</param>
/// <param name="Detail">One sentence for the person who reads it: what is wrong, and what is allowed.</param>
[GenerateSerializer, Immutable, Alias("os.StreamError")]
public sealed record StreamError(
    [property: Id(0)] StreamErrorCode Code,
    [property: Id(1)] string Detail)
{
    /// <summary>True when it is unknown whether the write took effect. Retry it under the same identity.</summary>
    [Id(2)] public bool OutcomeUnknown { get; init; }

    /// <summary>
    /// The part of the request that is at fault, by its name in the service's messages, for instance <c>partition</c>; null when it is no single
    /// part.
    /// </summary>
    [Id(3)] public string? Field { get; init; }

    /// <summary>The log's first readable offset, if the code is about offsets; else null.</summary>
    [Id(4)] public long? LogStartOffset { get; init; }

    /// <summary>The log's durable end offset, if the code is about offsets; else null.</summary>
    [Id(5)] public long? HighWatermark { get; init; }

    /// <summary>When to try again, in milliseconds from now, if waiting helps; else null.</summary>
    [Id(6)] public int? RetryAfterMs { get; init; }

    /// <summary>Where stored bytes are damaged, if damage is the reason; else null.</summary>
    [Id(7)] public StoredDamage? Damage { get; init; }

    /// <summary>The log's next offset, if the code says that another one was expected; else null.</summary>
    [Id(8)] public long? NextOffset { get; init; }
}

/// <summary>Where the stored bytes of a partition are damaged.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The first offset that cannot be served because of the damage.</param>
/// <param name="Segment">The segment's name in the store: a file below <c>segments/</c>, or a blob.</param>
/// <param name="Position">The position in it of the first byte that cannot be trusted.</param>
[GenerateSerializer, Immutable, Alias("os.StoredDamage")]
public sealed record StoredDamage(
    [property: Id(0)] string Topic,
    [property: Id(1)] int Partition,
    [property: Id(2)] long Offset,
    [property: Id(3)] string Segment,
    [property: Id(4)] long Position);

/// <summary>A call that failed as a whole, with its error. Methods throw it only when their answer has no place for an error.</summary>
[GenerateSerializer, Alias("os.StreamException")]
public sealed class StreamException : Exception
{
    /// <summary>Makes the exception for an error.</summary>
    /// <param name="error">The error.</param>
    public StreamException(StreamError error) : base($"{error.Code}: {error.Detail}") => Error = error;

    /// <summary>The error.</summary>
    [Id(0)] public StreamError Error { get; }

    /// <summary>The exception of a request that is malformed in one field.</summary>
    /// <param name="field">The field at fault, as in <see cref="StreamError.Field"/>; null when it is no single field.</param>
    /// <param name="detail">What is wrong and what is allowed.</param>
    public static StreamException InvalidRequest(string? field, string detail) =>
        new(new StreamError(StreamErrorCode.InvalidRequest, detail) { Field = field });
}
