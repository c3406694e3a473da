using OrleansStream.Partitions;

namespace OrleansStream.Gateway.Reading.Tails;

/// <summary>The place at which a live tail starts. A place to resume goes before a time, and a time goes before an end.</summary>
/// <param name="End">The start or end of each log: <see cref="FetchRequest.Earliest"/> or <see cref="FetchRequest.Latest"/>.</param>
/// <param name="TimestampMs">A time, in milliseconds since the Unix epoch; null for none.</param>
/// <param name="Place">A place to resume; null for none.</param>
public sealed record TailStart(long End, long? TimestampMs, TailPlace? Place);

/// <summary>The place of a live tail that is resumed.</summary>
/// <param name="TopicId">The topic to which the offsets belong; null when it is not known.</param>
/// <param name="Offsets">The next offset of each partition.</param>
public sealed record TailPlace(Guid? TopicId, IReadOnlyDictionary<int, long> Offsets);
