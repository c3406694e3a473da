using System.Collections.Immutable;
using OrleansStream.Errors;

namespace OrleansStream.Groups;

/// <summary>A heartbeat of a member that says what it has (KIP-848).</summary>
/// <param name="Member">The member's id, which it chose or was given; never empty.</param>
/// <param name="Epoch">What it was told last; 0 to join, -1 to leave, -2 to leave and be back soon under its instance id.</param>
/// <param name="InstanceId">The id that it chose itself and comes back under; null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it comes from.</param>
/// <param name="RebalanceMs">How long it may take to let go of partitions, in milliseconds; below 0 when it does not say.</param>
/// <param name="Topics">The names it subscribes to; null when they are the same.</param>
/// <param name="Assignor">The assignor that it asks for; null when it is the same.</param>
/// <param name="Owned">The partitions that it has; null when they are the same.</param>
[GenerateSerializer, Immutable, Alias("os.GroupHeartbeatRequest")]
public sealed record GroupHeartbeatRequest(
    [property: Id(0)] string Member,
    [property: Id(1)] int Epoch,
    [property: Id(2)] string? InstanceId,
    [property: Id(3)] string ClientId,
    [property: Id(4)] string ClientHost,
    [property: Id(5)] int RebalanceMs,
    [property: Id(6)] ImmutableArray<string>? Topics,
    [property: Id(7)] string? Assignor,
    [property: Id(8)] ImmutableArray<GroupPartition>? Owned)
{
    /// <summary>The regular expression over topics' names that it subscribes to; null when it is the same, empty for none.</summary>
    [Id(9)] public string? Pattern { get; init; }

    /// <summary>The topics that match its expression now; null when the sender does not know the expression.</summary>
    [Id(10)] public MatchedTopics? Matched { get; init; }
}

/// <summary>The topics that match a regular expression, among those that its member may see.</summary>
/// <param name="Pattern">The expression.</param>
/// <param name="Topics">Their names.</param>
[GenerateSerializer, Immutable, Alias("os.MatchedTopics")]
public sealed record MatchedTopics(
    [property: Id(0)] string Pattern,
    [property: Id(1)] ImmutableArray<string> Topics);

/// <summary>A partition, by the topic's id.</summary>
/// <param name="TopicId">The topic's id.</param>
/// <param name="Partition">The partition's number.</param>
[GenerateSerializer, Immutable, Alias("os.GroupPartition")]
public readonly record struct GroupPartition(
    [property: Id(0)] Guid TopicId,
    [property: Id(1)] int Partition);

/// <summary>Where a member stands that says what it has.</summary>
/// <param name="Error">Why it is no member; null when it is.</param>
/// <param name="Epoch">Its epoch.</param>
/// <param name="Assigned">The partitions that it shall have now; null when they are what it said.</param>
/// <param name="IsSettled">True when it has what it shall have in the end, false when it is worth to ask again soon.</param>
[GenerateSerializer, Immutable, Alias("os.GroupHeartbeatResponse")]
public sealed record GroupHeartbeatResponse(
    [property: Id(0)] StreamError? Error,
    [property: Id(1)] long Epoch,
    [property: Id(2)] ImmutableArray<GroupPartition>? Assigned,
    [property: Id(3)] bool IsSettled)
{
    /// <summary>
    /// The member's regular expression, when the heartbeat did not bring the topics that match it; the sender then finds them and sends the heartbeat
    /// again. Null when it did, or when there is none.
    /// </summary>
    [Id(4)] public string? PatternToMatch { get; init; }
}
