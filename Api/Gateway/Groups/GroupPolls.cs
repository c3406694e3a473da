using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Groups;

/// <summary>Where polls begin: every door reads as a member of a group through it.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the grains.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="time">Times waits and leases.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
public sealed class GroupPolls(AccessControl access, IGrainFactory grains, TopicRoutes routes, LogEnds ends, TimeProvider time, NodeAnswers node, NodeWaits waits)
{
    /// <summary>Opens a poll. It asks nobody yet.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member; its id is valid.</param>
    /// <param name="options">What the member asks for.</param>
    /// <returns>The poll, to be disposed once it is answered: it holds the memory of its answer.</returns>
    /// <exception cref="StreamException">The caller may not be a member of the group, or not read one of the topics.</exception>
    public GroupPoll Open(Caller caller, string group, string member, PollOptions options)
    {
        DemandRights();
        return new GroupPoll(grains, routes, ends, time, node, waits, group, member, options, DemandRights);

        void DemandRights()
        {
            access.DemandGroup(caller, AccessOperations.Read, group);
            foreach (var topic in options.Topics)
                access.DemandTopic(caller, AccessOperations.Read, topic);
        }
    }
}
