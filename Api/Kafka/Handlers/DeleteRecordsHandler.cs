using OrleansStream.Gateway.Security;
using OrleansStream.Gateway.Topics;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>Deletes records below offsets.</summary>
/// <param name="administration">Deletes them.</param>
/// <param name="directory">Finds topics.</param>
internal sealed class DeleteRecordsHandler(TopicAdministration administration, TopicDirectory directory) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => DeleteRecordsRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = DeleteRecordsRequest.Read(call.OpenBody());
        var results = new List<DeleteRecordsResult>();
        foreach (var topic in request.Topics)
        {
            foreach (var partition in topic.Partitions)
                results.Add(await DeleteAsync(call.Caller, topic.Name, partition, call.Closed));
        }

        new DeleteRecordsAnswer(request, results).Write(call.Answer);
    }

    private async Task<DeleteRecordsResult> DeleteAsync(
        Caller caller, string topic, DeleteRecordsPartition partition, CancellationToken cancellationToken)
    {
        const long none = -1;
        try
        {
            var found = await directory.FindAsync(caller, topic, cancellationToken);
            if (found.Topic is not { } there)
                return new DeleteRecordsResult(KafkaErrors.Of(found.Error), none);
            var after = await administration.DeleteRecordsAsync(caller, topic, there.Id, partition.Index, partition.BeforeOffset, cancellationToken);
            return new DeleteRecordsResult(KafkaError.None, after.LogStartOffset);
        }
        catch (Exception exception) when (Refusals.Of(exception, cancellationToken) is { } refused)
        {
            return new DeleteRecordsResult(KafkaErrors.Of(refused), none);
        }
    }
}
