using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading;

/// <summary>Where a read of a partition starts.</summary>
/// <param name="Offset">The first offset wanted; or <see cref="FetchRequest.Earliest"/>, or <see cref="FetchRequest.Latest"/>.</param>
/// <param name="TimestampMs">
/// In place of the offset, a time in milliseconds since the Unix epoch: the first record dated at or after it. Null for none.
/// </param>
/// <param name="TopicId">The topic that must have the name; null for whichever has it.</param>
public readonly record struct ReadStart(long Offset, long? TimestampMs, Guid? TopicId);
