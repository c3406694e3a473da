using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Reading;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Randomness;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Groups;

/// <summary>Opens polls. Every door that reads as a member of a group uses it.</summary>
/// <param name="access">Checks callers' rights.</param>
/// <param name="grains">Gets the grains.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="ends">Knows how far logs reach.</param>
/// <param name="time">The clock for waits and leases.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="random">Chooses which partitions come first; null for <see cref="RandomSource.System"/>.</param>
public sealed class GroupPolls(AccessControl access, IGrainFactory grains, TopicRoutes routes, LogEnds ends, TimeProvider time, NodeAnswers node,
    NodeWaits waits, RandomSource? random = null)
{
    /// <summary>Opens a poll. Nothing is called yet.</summary>
    /// <param name="caller">The caller, whose rights are checked.</param>
    /// <param name="group">The group; its name is valid.</param>
    /// <param name="member">The member; its id is valid.</param>
    /// <param name="options">The poll's options.</param>
    /// <returns>The poll. Dispose it once it is answered, because it holds the memory of its answer.</returns>
    /// <exception cref="StreamException">The caller may not be a member of the group, or not read one of the topics.</exception>
    public GroupPoll Open(Caller caller, string group, string member, PollOptions options)
    {
        var watch = access.Watch(caller, FindRefusal, CancellationToken.None);
        try
        {
            watch.ThrowIfRefused();
            return new GroupPoll(grains, routes, ends, time, random ?? RandomSource.System, node, waits, group, member, options, watch);
        }
        catch
        {
            watch.Dispose();
            throw;
        }

        StreamError? FindRefusal() => access.FindGroupRefusal(caller, AccessOperations.Read, group, nameof(Open))
            ?? options.Topics.Select(topic => access.FindRefusal(caller, AccessOperations.Read, topic, nameof(Open)))
                .FirstOrDefault(refusal => refusal is not null);
    }
}
