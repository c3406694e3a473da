using System.Collections.Immutable;

namespace OrleansStream.Groups.State;

/// <summary>The events of one step of a group. Each is applied to the facts as soon as it is raised.</summary>
/// <param name="facts">The group's facts.</param>
internal sealed class RaisedEvents(GroupFacts facts)
{
    private readonly List<GroupEvent> _raised = [];

    /// <summary>Applies an event, and keeps it for the end of the step.</summary>
    /// <param name="change">The event.</param>
    public void Raise(GroupEvent change)
    {
        facts.Apply(change);
        _raised.Add(change);
    }

    /// <summary>Ends the step.</summary>
    /// <param name="answer">The command's answer.</param>
    /// <returns>The answer, with the events of the step in order.</returns>
    public Handled<T> End<T>(T answer)
    {
        ImmutableArray<GroupEvent> events = [.. _raised];
        _raised.Clear();
        return new Handled<T>(answer, events);
    }
}
