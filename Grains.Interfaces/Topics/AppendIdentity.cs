using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Topics;

/// <summary>
/// The identity of an append request, with everything besides its records that its division over partitions depends on. So a repeat puts the same
/// records, under the same sequence numbers, into the same partitions.
/// </summary>
/// <remarks>
/// Unless the client gave them, producer id and epoch belong to this request alone, and in each partition its records begin at sequence 0 of that
/// epoch. So a repeat is answered with the offsets of the first try, and a late copy of an older request with the id is fenced. Batches that name
/// their own producer keep it.
/// </remarks>
/// <param name="ProducerId">The producer id.</param>
/// <param name="ProducerEpoch">The epoch. For the service's own ids it grows with each request.</param>
/// <param name="Topic">
/// The topic by which to partition. A first try that finds another version, or null here, stores nothing and returns the topic.
/// </param>
/// <param name="NowMs">The time by which records' timestamps are judged, in milliseconds since the Unix epoch.</param>
/// <param name="KeylessStart">The first partition in turn for records without a key; not negative.</param>
/// <param name="TimeoutMs">The time that the caller has left, in milliseconds after the call.</param>
/// <param name="IsRepeat">
/// True when the request may have been made before: it is partitioned by <paramref name="Topic"/>, even if the topic has changed since.
/// </param>
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

    /// <summary>
    /// True when the client gave the sequence number. It counts all records of the request, so a refused record refuses the whole request.
    /// </summary>
    [Id(8)] public bool IsClients { get; init; }

    /// <summary>The outcome of each part, if the request is over; nothing is stored then. Null to append.</summary>
    [Id(9)] public ImmutableArray<StoredPart>? StoredParts { get; init; }

    /// <summary>
    /// The outcomes that earlier tries of the request have settled, one per part. An entry is null if its part must still be appended.
    /// Null when nothing is settled. A silo of an older version ignores this and appends all parts again, and the partitions recognise the repeats.
    /// </summary>
    [Id(10)] public ImmutableArray<StoredPart?>? SettledParts { get; init; }
}

/// <summary>The outcome of one part of a finished request.</summary>
/// <param name="BaseOffset">The offset of its first record, or -1.</param>
/// <param name="LogAppendTimeMs">The log's time, which the records got if the topic says so, else -1.</param>
/// <param name="Error">Why the part is not stored; null when it is.</param>
[GenerateSerializer, Immutable, Alias("os.StoredPart")]
public readonly record struct StoredPart(
    [property: Id(0)] long BaseOffset,
    [property: Id(1)] long LogAppendTimeMs,
    [property: Id(2)] StreamError? Error);
