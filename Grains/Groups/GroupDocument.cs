using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>What is stored of a group: the fewest events that make its state.</summary>
internal sealed record GroupDocument
{
    /// <summary>The events, in order.</summary>
    public ImmutableArray<GroupEvent> Events { get; init; } = [];
}
