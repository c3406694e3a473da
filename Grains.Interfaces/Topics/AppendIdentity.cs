using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>
/// The identity of an append request, and all that its plan depends on beside its records: a repeat puts the same records, under the same
/// sequence numbers, into the same partitions.
/// </summary>
/// <remarks>
/// Unless the client gave them, producer id and epoch are the request's alone: in each partition its records begin at sequence 0 of
/// that epoch. So a repeat is answered with the offsets of the first try, and a late copy of an older request of the id is fenced.
/// Batches that name a producer of their own keep it.
/// </remarks>
/// <param name="ProducerId">The id.</param>
/// <param name="ProducerEpoch">The epoch; of the service's own ids it grows with each request.</param>
/// <param name="Topic">The topic to plan by. A first try that finds another version, or null here, stores nothing and answers with the topic.</param>
/// <param name="NowMs">The time that records' timestamps are judged by, in milliseconds since the Unix epoch.</param>
/// <param name="KeylessStart">Where the turn of partitions begins for records without a key; not negative.</param>
/// <param name="TimeoutMs">How long partitions may be asked again, in milliseconds from the call on.</param>
/// <param name="IsRepeat">True to plan by <paramref name="Topic"/> whatever the topic is by now: a call of the request may have been made before.</param>
[GenerateSerializer, Immutable, Alias("os.AppendIdentity")]
public sealed record AppendIdentity(
    [property: Id(0)] long ProducerId,
    [property: Id(1)] short ProducerEpoch,
    [property: Id(2)] TopicMetadata? Topic,
    [property: Id(3)] long NowMs,
    [property: Id(4)] int KeylessStart,
    [property: Id(5)] int TimeoutMs,
    [property: Id(6)] bool IsRepeat = false)
{
    /// <summary>The sequence number of the first record in each partition.</summary>
    [Id(7)] public int BaseSequence { get; init; }

    /// <summary>True when the client gave the sequence number: it counts all records of the request, so one that is refused refuses all.</summary>
    [Id(8)] public bool IsClients { get; init; }

    /// <summary>What became of each part when the request was made before: nothing is stored then. Null to append.</summary>
    [Id(9)] public ImmutableArray<StoredPart>? StoredParts { get; init; }
}

/// <summary>What became of one part of a request that is over.</summary>
/// <param name="BaseOffset">The offset of its first record, or -1.</param>
/// <param name="LogAppendTimeMs">The time the log gave the records where the topic says so, else -1.</param>
/// <param name="Error">Why it is not stored.</param>
[GenerateSerializer, Immutable, Alias("os.StoredPart")]
public readonly record struct StoredPart(
    [property: Id(0)] long BaseOffset,
    [property: Id(1)] long LogAppendTimeMs,
    [property: Id(2)] StreamError? Error);
