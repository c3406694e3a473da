using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;
using OrleansStream.Topics;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Adds partitions to topics.</summary>
/// <param name="administration">Adds them.</param>
/// <param name="directory">Finds topics.</param>
internal sealed class CreatePartitionsHandler(TopicAdministration administration, TopicDirectory directory) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => CreatePartitionsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = CreatePartitionsRequest.Read(call.OpenBody());
        var results = new List<NamedResult>();
        foreach (var topic in request.Topics)
        {
            var error = await GrowAsync(call.Caller, topic, request.IsOnlyChecked, call.Closed);
            results.Add(new NamedResult(topic.Name, KafkaErrors.Of(error, KafkaError.RequestTimedOut), error?.Detail));
        }

        new CreatePartitionsAnswer(results).Write(call.Answer);
    }

    private async Task<StreamError?> GrowAsync(Caller caller, GrowingTopic topic, bool isOnlyChecked, CancellationToken cancellationToken)
    {
        try
        {
            var found = await directory.FindAsync(caller, topic.Name, cancellationToken);
            if (found.Topic is not { } there)
                return found.Error;
            // As Kafka's broker has it: who asks for as many as there are believes that there are fewer.
            if (topic.Count <= there.PartitionCount || topic.Count > TopicLimits.PartitionsMax)
            {
                return new StreamError(
                    StreamErrorCode.InvalidPartitions,
                    $"The topic has {there.PartitionCount} partitions; it can get up to {TopicLimits.PartitionsMax}, and not {topic.Count}.");
            }

            if (!isOnlyChecked)
                await administration.AlterAsync(caller, topic.Name, new AlterTopicRequest(topic.Count, Config: null), cancellationToken);
            return null;
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return refused;
        }
    }
}
