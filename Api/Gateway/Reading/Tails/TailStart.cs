using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>Where a live tail starts.</summary>
/// <param name="End">The end of each log: <see cref="FetchRequest.Earliest"/> or <see cref="FetchRequest.Latest"/>.</param>
/// <param name="TimestampMs">Or a time, in milliseconds since the Unix epoch, which goes before it; null for none.</param>
/// <param name="Place">Or a place, which goes before both; null for none.</param>
public sealed record TailStart(long End, long? TimestampMs, TailPlace? Place);

/// <summary>Where a live tail stood that is resumed.</summary>
/// <param name="TopicId">The topic that the offsets belong to; null when that is not known.</param>
/// <param name="Offsets">The next offset of each partition.</param>
public sealed record TailPlace(Guid? TopicId, IReadOnlyDictionary<int, long> Offsets);
