using System.Collections.Immutable;
using OrleansStream.Groups.State;

namespace OrleansStream.Groups;

/// <summary>The stored state of a group: the shortest list of events that restores it.</summary>
internal sealed record GroupDocument
{
    /// <summary>The events, in order.</summary>
    public ImmutableArray<GroupEvent> Events { get; init; } = [];
}
