using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Deletes topics.</summary>
/// <param name="administration">Deletes them.</param>
/// <param name="directory">Finds them.</param>
internal sealed class DeleteTopicsHandler(TopicAdministration administration, TopicDirectory directory) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DeleteTopicsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DeleteTopicsRequest.Read(call.OpenBody(), call.Version);
        var deleted = new List<DeletedTopic>();
        foreach (var topic in request.Topics)
        {
            var (name, error) = await DeleteAsync(call.Caller, topic, call.Closed);
            var told = error?.Code == StreamErrorCode.UnknownTopicId ? KafkaError.UnknownTopicId : KafkaErrors.Of(error, KafkaError.RequestTimedOut);
            deleted.Add(new DeletedTopic(topic with { Name = topic.Name ?? name }, told, error?.Detail));
        }

        new DeleteTopicsAnswer(deleted).Write(call.Answer, call.Version);
    }

    private async Task<(string? Name, StreamError? Error)> DeleteAsync(Caller caller, MetadataTopicName topic, CancellationToken cancellationToken)
    {
        try
        {
            // A name that is no topic's makes no grain.
            var found = (await directory.FindAsync(caller, [new TopicReference(topic.Name, topic.Id)], cancellationToken))[0];
            if (found.Topic is not { } there)
                return (null, found.Error);
            await administration.DeleteAsync(caller, there.Name, cancellationToken);
            return (there.Name, null);
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return (null, refused);
        }
    }
}
