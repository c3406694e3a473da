using OrleansStream.Gateway.Admission;
using OrleansStream.Gateway.Security;
using OrleansStream.Kafka.Calls;
using OrleansStream.Kafka.Wire;

namespace OrleansStream.Kafka.Connections;

/// <summary>
/// Holds each principal to its quotas, which are those of REST. A request beyond them is handled, and its answer tells the client how long to wait
/// (<c>throttle_time_ms</c>); most clients do not heed it, so nothing more is read of them for that time. Safe for any thread.
/// </summary>
/// <param name="quotas">The quotas.</param>
/// <param name="access">Tells whether anybody signs in.</param>
/// <param name="metrics">Told of clients that have to wait.</param>
internal sealed class RequestQuotas(ClientQuotas quotas, AccessControl access, KafkaMetrics metrics)
{
    /// <summary>Waits until the client of a request owes nothing for earlier ones, on whichever connection, and charges it for this one.</summary>
    /// <param name="call">The request.</param>
    /// <returns>What it owes for it.</returns>
    /// <exception cref="OperationCanceledException">The connection was closed, or the service stops.</exception>
    public async ValueTask<QuotaDebt> ChargeAsync(KafkaCall call)
    {
        if (!quotas.AreSet || !IsCounted(call.Key))
            return default;
        var client = ClientQuotas.NameOf(call.Caller, access.IsOpen);
        using (var ended = CancellationTokenSource.CreateLinkedTokenSource(call.Closed, call.Connection.Stopping))
            await quotas.WaitUntilPaidAsync(client, ended.Token);
        var debt = quotas.Charge(client, call.Key == ApiKey.Produce ? call.LengthBytes : 0);
        if (debt.Paid is not null)
        {
            call.ThrottleTime = debt.Wait;
            metrics.Throttle(call.Key, debt.Wait);
        }

        return debt;
    }

    // What a client needs to sign in is not anybody's yet.
    private static bool IsCounted(ApiKey api) => api is not (ApiKey.ApiVersions or ApiKey.SaslHandshake or ApiKey.SaslAuthenticate);
}
