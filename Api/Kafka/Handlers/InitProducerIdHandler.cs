using OrleansStream.Gateway.Appending;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Errors;
using OrleansStream.Kafka.Messages;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Handlers;

/// <summary>
/// Gives out producer ids: always a new one, as Kafka's broker does outside of transactions. Clients raise the epoch by themselves (KIP-360).
/// </summary>
/// <param name="producers">Gives them out.</param>
internal sealed class InitProducerIdHandler(ClientProducers producers) : IRequestHandler
{
    /// <inheritdoc/>
    public ApiRange Api => InitProducerIdRequest.Api;

    /// <inheritdoc/>
    public async Task HandleAsync(KafkaCall call)
    {
        var request = InitProducerIdRequest.Read(call.OpenBody(), call.Version);
        (await TakeAsync(call.Caller, request)).Write(call.Answer);
    }

    private async Task<InitProducerIdAnswer> TakeAsync(Caller caller, InitProducerIdRequest request)
    {
        // Clients take this for the end, and not for a reason to wait.
        if (request.TransactionalId is not null)
            return InitProducerIdAnswer.Failed(KafkaError.TransactionalIdAuthorizationFailed);
        try
        {
            return new InitProducerIdAnswer(KafkaError.None, await producers.TakeIdAsync(caller), ProducerEpoch: 0);
        }
        catch (Exception exception) when (Refusals.Of(exception, CancellationToken.None) is { } refused)
        {
            return InitProducerIdAnswer.Failed(KafkaErrors.Of(refused, KafkaError.CoordinatorLoadInProgress));
        }
    }
}
