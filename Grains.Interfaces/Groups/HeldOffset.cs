using System.Collections.Immutable;

namespace OrleansStream.Groups;

/// <summary>A record that waits in place: the partition was read beyond it, and it is not done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">A hash of its key; null without one.</param>
/// <param name="Attempt">Which attempt its next delivery is; of a delivery or a failure, which one it was.</param>
/// <param name="DueMs">Not to be delivered before this, in milliseconds since the Unix epoch.</param>
[GenerateSerializer, Immutable, Alias("os.HeldOffset")]
public readonly record struct HeldOffset(
    [property: Id(0)] long Offset,
    [property: Id(1)] int? Key,
    [property: Id(2)] int Attempt,
    [property: Id(3)] long DueMs);

/// <summary>What a poll says of records of a partition that wait in place, or shall.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Done">Records that had waited and are done, or dead letters by now.</param>
/// <param name="Failed">Records that failed.</param>
/// <param name="Waiting">Records that were passed over since their key waits.</param>
[GenerateSerializer, Immutable, Alias("os.PartitionHolds")]
public sealed record PartitionHolds(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int Partition,
    [property: Id(2)] ImmutableArray<HeldOffset> Done,
    [property: Id(3)] ImmutableArray<HeldOffset> Failed,
    [property: Id(4)] ImmutableArray<HeldOffset> Waiting);
