using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>A record that was passed over and is not done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">
/// A hash of its key; null for a record without a key, for which no other record waits. Records whose keys have the same hash wait for each other.
/// </param>
/// <param name="Attempt">The number of its next delivery.</param>
/// <param name="DueMs">When that delivery is due at the earliest, in milliseconds since the Unix epoch.</param>
internal sealed record HeldRecord(long Offset, int? Key, int Attempt, long DueMs);

/// <summary>The changes that a poll makes to a partition's records that wait in place.</summary>
/// <param name="Partition">The partition.</param>
/// <param name="Done">Records that waited, and now are done or dead letters.</param>
/// <param name="Failed">Records that failed.</param>
/// <param name="Waiting">Records that were passed over because their key waits.</param>
/// <param name="Random">A random number from 0 to 1, for jitter.</param>
internal sealed record HoldsChange(
    TopicPartition Partition, ImmutableArray<HoldDone> Done, ImmutableArray<HoldFailed> Failed, ImmutableArray<HoldWaiting> Waiting, double Random);

/// <summary>A record that waited and is done.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Attempt">The attempt that succeeded, or after which it became a dead letter.</param>
internal readonly record struct HoldDone(long Offset, int Attempt);

/// <summary>A record that failed.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">The hash of its key, or null.</param>
/// <param name="Attempt">The attempt that failed.</param>
internal readonly record struct HoldFailed(long Offset, int? Key, int Attempt);

/// <summary>A record whose key waits.</summary>
/// <param name="Offset">Its offset.</param>
/// <param name="Key">The hash of its key.</param>
internal readonly record struct HoldWaiting(long Offset, int? Key);
