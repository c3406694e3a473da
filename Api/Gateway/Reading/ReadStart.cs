using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>The place at which a read of a partition starts.</summary>
/// <param name="Offset">The first offset wanted, or <see cref="FetchRequest.Earliest"/> or <see cref="FetchRequest.Latest"/>.</param>
/// <param name="TimestampMs">
/// A time in milliseconds since the Unix epoch that replaces the offset: the read starts at the first record dated at or after it. Null for none.
/// </param>
/// <param name="TopicId">The id that the topic must have; null for any topic of the name.</param>
public readonly record struct ReadStart(long Offset, long? TimestampMs, Guid? TopicId);
