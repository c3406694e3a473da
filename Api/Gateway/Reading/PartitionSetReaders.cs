using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>Opens readers of many partitions. Safe for any thread.</summary>
/// <param name="access">Decides what the caller may read.</param>
/// <param name="routes">Routes calls to the topics' partitions.</param>
/// <param name="known">Knows which topics exist.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's bound of waiting reads.</param>
/// <param name="time">Times the waits for records.</param>
public sealed class PartitionSetReaders(AccessControl access, TopicRoutes routes, KnownTopics known, NodeAnswers node, NodeWaits waits,
    TimeProvider time)
{
    /// <summary>Opens a reader for one caller.</summary>
    /// <param name="caller">The caller. Each read checks the caller's rights on the topics that it names.</param>
    /// <exception cref="StreamException">The caller may read no topic at all.</exception>
    public PartitionSetReader Open(Caller caller)
    {
        access.DemandAnyTopic(caller, AccessOperations.Read);
        return new PartitionSetReader(access, routes, known, node, waits, time);
    }
}
