using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;

namespace OrleansStream.Gateway.Groups;

/// <summary>Where polls begin: every door reads as a member of a group through it.</summary>
/// <param name="grains">The way to the grains.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="time">Times waits and leases.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
public sealed class GroupPolls(IGrainFactory grains, TopicRoutes routes, LogEnds ends, TimeProvider time, NodeAnswers node, NodeWaits waits)
{
    /// <summary>Opens a poll. It asks nobody yet.</summary>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member; its id is valid.</param>
    /// <param name="options">What the member asks for.</param>
    /// <returns>The poll, to be disposed once it is answered: it holds the memory of its answer.</returns>
    public GroupPoll Open(string group, string member, PollOptions options) => new(grains, routes, ends, time, node, waits, group, member, options);
}
