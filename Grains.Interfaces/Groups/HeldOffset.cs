using System.Collections.Immutable;

namespace OrleansStream.Groups;

/// <summary>A record that waits in place: the partition was read past it, but it is not done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">A hash of its key; null when it has no key.</param>
/// <param name="Attempt">The number of its next delivery. In a delivery, or a report of a failure, the number of that delivery.</param>
/// <param name="DueMs">When its next delivery is due at the earliest, in milliseconds since the Unix epoch.</param>
[GenerateSerializer, Immutable, Alias("os.HeldOffset")]
public readonly record struct HeldOffset(
    [property: Id(0)] long Offset,
    [property: Id(1)] int? Key,
    [property: Id(2)] int Attempt,
    [property: Id(3)] long DueMs);

/// <summary>The changes that a poll makes to a partition's records that wait in place.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Done">Records that waited, and now are done or dead letters.</param>
/// <param name="Failed">Records that failed.</param>
/// <param name="Waiting">Records that were passed over because their key waits.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionHolds")]
public sealed record PartitionHolds(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int Partition,
    [property: Id(2)] ImmutableArray<HeldOffset> Done,
    [property: Id(3)] ImmutableArray<HeldOffset> Failed,
    [property: Id(4)] ImmutableArray<HeldOffset> Waiting);
