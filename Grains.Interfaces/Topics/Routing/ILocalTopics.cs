using OrleansStream.Partitions;

namespace OrleansStream.Topics.Routing;

/// <summary>The topics as this process reaches them without a grain call. It is registered only in a process with a silo.</summary>
/// <remarks>Safe to call from any thread.</remarks>
public interface ILocalTopics
{
    /// <summary>Finds the way to a topic's partitions, whether or not there is such a topic.</summary>
    /// <param name="topic">The topic's name.</param>
    ILocalTopic Find(string topic);

    /// <summary>A topic as it was a few seconds ago at most; null when nobody has asked for it here since.</summary>
    /// <param name="topic">The topic's name.</param>
    TopicMetadata? FindKnown(string topic);

    /// <summary>Whether this process leads a partition: has its log open.</summary>
    /// <param name="key">The partition.</param>
    bool Leads(PartitionKey key);
}

/// <summary>
/// The way to one topic's partitions without a grain call. It does what <see cref="ITopicRouterGrain"/> does. A partition whose log is open in this
/// process is appended to and read from directly; any other partition is called through its grain.
/// </summary>
/// <remarks>Safe to call from any thread. Failures are errors in the answers.</remarks>
public interface ILocalTopic
{
    /// <inheritdoc cref="ITopicRouterGrain.AppendAsync"/>
    /// <param name="request">The encoded records.</param>
    /// <param name="cancellationToken">The caller's deadline; once it has passed the outcome is unknown.</param>
    ValueTask<RecordsAppendResponse> AppendAsync(RecordsAppendRequest request, CancellationToken cancellationToken = default);

    /// <inheritdoc cref="ITopicRouterGrain.FetchAsync"/>
    /// <param name="partition">The partition's number.</param>
    /// <param name="request">The offset to read from, and how much to read.</param>
    /// <param name="cancellationToken">Ends the wait when the caller has gone.</param>
    ValueTask<FetchResponse> FetchAsync(int partition, FetchRequest request, CancellationToken cancellationToken = default);
}
