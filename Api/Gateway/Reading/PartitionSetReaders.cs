using OrleansStream.Errors;
using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Routing;
using OrleansStream.Gateway.Security;
using OrleansStream.Security;

namespace OrleansStream.Gateway.Reading;

/// <summary>Opens readers of many partitions. Safe for any thread.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="routes">The way to the topics.</param>
/// <param name="known">Knows which topics there are.</param>
/// <param name="node">The node's memory for answers.</param>
/// <param name="waits">The node's reads that wait.</param>
/// <param name="time">The clock.</param>
public sealed class PartitionSetReaders(AccessControl access, TopicRoutes routes, KnownTopics known, NodeAnswers node, NodeWaits waits, TimeProvider time)
{
    /// <summary>Opens a reader for one caller.</summary>
    /// <param name="caller">On whose behalf; each read asks for its rights on the topics that it names.</param>
    /// <exception cref="StreamException">The caller may read no topic at all.</exception>
    public PartitionSetReader Open(Caller caller)
    {
        access.DemandAnyTopic(caller, AccessOperations.Read);
        return new PartitionSetReader(access, routes, known, node, waits, time);
    }
}
