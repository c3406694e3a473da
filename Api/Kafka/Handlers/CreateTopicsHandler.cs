using System.Collections.Immutable;
using Microsoft.Extensions.Options;
using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Brokers;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Creates topics. Any replication factor is taken, as programs say 3 everywhere, and the copies that there are are told back.</summary>
/// <param name="administration">Creates them.</param>
/// <param name="directory">Finds them.</param>
/// <param name="options">The default count of partitions.</param>
internal sealed class CreateTopicsHandler(
    TopicAdministration administration, TopicDirectory directory, IOptions<KafkaOptions> options) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => CreateTopicsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = CreateTopicsRequest.Read(call.OpenBody(), call.Version);
        var twice = request.Topics.GroupBy(topic => topic.Name).Where(name => name.Skip(1).Any()).Select(name => name.Key).ToHashSet();
        var created = new List<CreatedTopic>();
        foreach (var topic in request.Topics)
        {
            created.Add(twice.Contains(topic.Name)
                ? Failed(topic, new StreamError(StreamErrorCode.InvalidRequest, $"The request creates topic '{topic.Name}' twice."))
                : await CreateAsync(call.Caller, topic, request.IsOnlyChecked, call.Closed));
        }

        new CreateTopicsAnswer(created).Write(call.Answer, call.Version);
    }

    private async Task<CreatedTopic> CreateAsync(Caller caller, CreatableTopic topic, bool isOnlyChecked, CancellationToken cancellationToken)
    {
        var count = topic.PartitionCount >= 0 ? topic.PartitionCount : topic.AssignedCount > 0 ? topic.AssignedCount
            : options.Value.AutoCreatePartitions;
        var settings = TopicSettingNames.Read(topic.Settings, out var error);
        if ((TopicName.Validate(topic.Name) ?? error ?? CheckCount(count)) is { } refusal)
            return Failed(topic, refusal);
        var config = settings.Where(setting => setting.Value is not null).ToImmutableSortedDictionary(
            setting => setting.Key, setting => setting.Value!, StringComparer.Ordinal);
        var request = new CreateTopicRequest(count, config, ReplicationFactor: null);
        try
        {
            if (isOnlyChecked)
                return await CheckAsync(caller, topic, count, cancellationToken);
            var (made, isNew) = await administration.CreateAsync(caller, topic.Name, request, cancellationToken);
            return isNew
                ? new CreatedTopic(made.Name, made.Id, KafkaError.None, null, made.PartitionCount, made.ReplicationFactor)
                : Failed(topic, new StreamError(StreamErrorCode.TopicAlreadyExists, $"There is a topic '{topic.Name}' already."));
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return Failed(topic, refused);
        }
    }

    private async Task<CreatedTopic> CheckAsync(Caller caller, CreatableTopic topic, int count, CancellationToken cancellationToken)
    {
        var found = await directory.FindAsync(caller, topic.Name, cancellationToken);
        return found switch
        {
            { Topic: not null } => Failed(topic, new StreamError(StreamErrorCode.TopicAlreadyExists, $"There is a topic '{topic.Name}' already.")),
            { Error: { Code: not StreamErrorCode.UnknownTopicOrPartition } error } => Failed(topic, error),
            _ => new CreatedTopic(topic.Name, Guid.Empty, KafkaError.None, null, count, ReplicationFactor: 1),
        };
    }

    private static StreamError? CheckCount(int count) => count is >= 1 and <= TopicLimits.PartitionsMax ? null : new StreamError(
        StreamErrorCode.InvalidPartitions, $"The count of partitions is {count}; it must be from 1 to {TopicLimits.PartitionsMax}.");

    private static CreatedTopic Failed(CreatableTopic topic, StreamError error) =>
        new(topic.Name, Guid.Empty, KafkaErrors.Of(error, KafkaError.RequestTimedOut), error.Detail, -1, -1);
}
