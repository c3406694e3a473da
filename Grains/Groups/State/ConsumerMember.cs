using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace OrleansStream.Groups.State;

/// <summary>
/// What is known of a member that says what it has and confirms what it let go of (KIP-848), beyond what is known of one that polls.
/// </summary>
/// <param name="InstanceId">The id that it chose itself and comes back under; null for none.</param>
/// <param name="ClientId">What its program calls itself.</param>
/// <param name="ClientHost">The address that it joined from.</param>
/// <param name="RebalanceMs">How long it may take to let go of partitions, in milliseconds.</param>
internal sealed record ConsumerMember(string? InstanceId, string ClientId, string ClientHost, int RebalanceMs)
{
    /// <summary>True once its program has stopped and will be back: whoever comes under the same instance id takes over what it has.</summary>
    public bool IsAway { get; init; }

    /// <summary>The regular expression over topics' names that it subscribes to; null for none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Pattern { get; init; }

    /// <summary>The topics that matched its expression when it was last looked; null without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableSortedSet<string>? Matched { get; init; }
}

/// <summary>A heartbeat of a member that says what it has.</summary>
/// <param name="Member">The member's id.</param>
/// <param name="Epoch">What it was told last; 0 to join, <see cref="LeaveEpoch"/> to leave, <see cref="AwayEpoch"/> to be back soon.</param>
/// <param name="Consumer">Who it is.</param>
/// <param name="Topics">The names it subscribes to; null when they are the same.</param>
/// <param name="Found">What its topics are, for those the group does not know.</param>
/// <param name="Assignor">The assignor that it asks for; null when it is the same.</param>
/// <param name="Owned">The partitions that it has; null when they are the same.</param>
/// <param name="LeaseMs">The length of its lease, in milliseconds.</param>
internal sealed record HeartbeatCommand(
    string Member, int Epoch, ConsumerMember Consumer, ImmutableSortedSet<string>? Topics, ImmutableArray<TopicLookup> Found, string? Assignor,
    PartitionSet? Owned, int LeaseMs)
{
    /// <summary>The epoch of a member that leaves.</summary>
    public const int LeaveEpoch = -1;

    /// <summary>The epoch of a member with an instance id that leaves and will be back.</summary>
    public const int AwayEpoch = -2;

    /// <summary>The regular expression that it subscribes to; null when it is the same, empty for none.</summary>
    public string? Pattern { get; init; }

    /// <summary>The topics that match its expression now; null when they were not looked for.</summary>
    public PatternMatch? Matched { get; init; }
}

/// <summary>The topics that match a regular expression.</summary>
/// <param name="Pattern">The expression.</param>
/// <param name="Topics">Their names.</param>
internal sealed record PatternMatch(string Pattern, ImmutableSortedSet<string> Topics);

/// <summary>What a member that says what it has is told.</summary>
/// <param name="Refusal">Why it is no member; null when it is.</param>
/// <param name="Epoch">Its epoch; of one that leaves, what it said.</param>
/// <param name="Assigned">The partitions that it shall have now; null when they are what it said.</param>
/// <param name="IsSettled">True when it has what it shall have in the end.</param>
internal sealed record HeartbeatAnswer(GroupRefusal? Refusal, long Epoch, PartitionSet? Assigned, bool IsSettled)
{
    /// <summary>The member's expression, when the heartbeat did not bring what matches it; else null.</summary>
    public string? PatternToMatch { get; init; }
}
