using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Partitions;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Tells which topics there are, and who leads their partitions; creates those that a client asks for, where that is set.</summary>
/// <param name="topics">Finds topics.</param>
/// <param name="administration">Creates them.</param>
/// <param name="brokers">Knows the brokers.</param>
/// <param name="epochs">Knows the epochs of leaders.</param>
/// <param name="options">The settings.</param>
/// <param name="cluster">The cluster's name.</param>
internal sealed class MetadataHandler(
    TopicDirectory topics, TopicAdministration administration, ClusterBrokers brokers, LeaderEpochs epochs, IOptions<KafkaOptions> options,
    IOptions<ClusterOptions> cluster) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => MetadataRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = MetadataRequest.Read(call.OpenBody(), call.Version);
        var found = request.Topics is { } asked
            ? await FindAsync(call.Caller, asked, request.MayCreateTopics && options.Value.AutoCreateTopics, call.Closed)
            : await ListAsync(call.Caller, call.Closed);
        var view = await brokers.GetAsync(call.Closed);
        var leaders = await epochs.FindAsync(found, view, call.Closed);
        new MetadataAnswer(
            brokers.Tell(view, call.Connection.Local), cluster.Value.ClusterId, brokers.OwnId, found,
            (topic, partition) => FindLeader(leaders, view, new PartitionKey(topic.Id, partition))).Write(call.Answer, call.Version);
    }

    // A partition that no broker has open is to be opened by its home.
    private static (int NodeId, int Epoch) FindLeader(IReadOnlyDictionary<PartitionKey, KnownLeader> leaders, BrokerView view, PartitionKey key) =>
        leaders.TryGetValue(key, out var leader) && view.BrokerOf(leader.Silo) is { } broker
            ? (broker.NodeId, leader.Epoch)
            : (view.LeaderOf(key).NodeId, LeaderEpochs.Unknown);

    private async Task<IReadOnlyList<MetadataTopic>> ListAsync(Caller caller, CancellationToken cancellationToken)
    {
        try
        {
            return [.. (await topics.ListAsync(caller, cancellationToken)).Select(Tell)];
        }
        catch (StreamException)
        {
            // The answer has no field for an error of all topics. A caller without rights gets an empty list.
            return [];
        }
    }

    private async Task<IReadOnlyList<MetadataTopic>> FindAsync(
        Caller caller, IReadOnlyList<MetadataTopicName> asked, bool mayCreate, CancellationToken cancellationToken)
    {
        IReadOnlyList<FoundTopic> found;
        try
        {
            found = await topics.FindAsync(caller, [.. asked.Select(topic => new TopicReference(topic.Name, topic.Id))], cancellationToken);
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return [.. asked.Select(topic => new MetadataTopic(ErrorOf(refused, topic), topic.Name, topic.Id, 0, 0))];
        }

        var told = new MetadataTopic[asked.Count];
        for (var i = 0; i < told.Length; i++)
        {
            var topic = found[i].Topic;
            var error = found[i].Error;
            if (mayCreate && error is { Code: StreamErrorCode.UnknownTopicOrPartition } && asked[i].Name is { } name)
                (topic, error) = await CreateAsync(caller, name, cancellationToken);
            told[i] = topic is not null ? Tell(topic) : new MetadataTopic(ErrorOf(error!, asked[i]), asked[i].Name, asked[i].Id, 0, 0);
        }

        return told;
    }

    private async Task<(TopicMetadata? Topic, StreamError? Error)> CreateAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await CreateOrFindAsync(caller, name, cancellationToken);
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return (null, refused);
        }
    }

    private async Task<(TopicMetadata? Topic, StreamError? Error)> CreateOrFindAsync(Caller caller, string name, CancellationToken cancellationToken)
    {
        var wanted = new CreateTopicRequest(
            options.Value.AutoCreatePartitions, ImmutableSortedDictionary<string, string>.Empty, ReplicationFactor: null);
        try
        {
            return ((await administration.CreateAsync(caller, name, wanted, cancellationToken)).Topic, null);
        }
        catch (StreamException exception) when (exception.Error.Code == StreamErrorCode.TopicAlreadyExists)
        {
            // Somebody else has just created it, otherwise.
            var again = await topics.FindAsync(caller, name, cancellationToken);
            return (again.Topic, again.Error);
        }
    }

    private static MetadataTopic Tell(TopicMetadata topic) =>
        new(KafkaError.None, topic.Name, topic.Id, topic.PartitionCount, topic.ReplicationFactor);

    private static KafkaError ErrorOf(StreamError error, MetadataTopicName asked) =>
        asked.Name is null && error.Code == StreamErrorCode.UnknownTopicId ? KafkaError.UnknownTopicId
            : KafkaErrors.Of(error, KafkaError.LeaderNotAvailable);
}
