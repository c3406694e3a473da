using System.Collections.Immutable;

namespace OrleansStream.Groups;

/// <summary>A group's members and committed offsets, at one moment.</summary>
/// <param name="MemberCount">The count of its members, of whichever protocol.</param>
/// <param name="Offsets">Its committed offsets, in no order.</param>
[GenerateSerializer, Immutable, Alias("os.GroupMeasurement")]
public sealed record GroupMeasurement(
    [property: Id(0)] int MemberCount,
    [property: Id(1)] ImmutableArray<MeasuredOffset> Offsets);

/// <summary>A committed offset.</summary>
/// <param name="Topic">The topic's name.</param>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
/// <param name="Offset">The offset of the next record that the group wants.</param>
[GenerateSerializer, Immutable, Alias("os.MeasuredOffset")]
public readonly record struct MeasuredOffset(
    [property: Id(0)] string Topic,
    [property: Id(1)] Guid TopicId,
    [property: Id(2)] int Partition,
    [property: Id(3)] long Offset);
