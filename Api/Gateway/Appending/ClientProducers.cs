using OrleansStream.Errors;
using OrleansStream.Gateway.Security;
using OrleansStream.Producers;
using OrleansStream.Security;
using OrleansStream.Topics;

namespace OrleansStream.Gateway.Appending;

/// <summary>The producers of clients. Each has an id and an epoch; raising the epoch fences the producer's earlier process.</summary>
/// <param name="access">Decides who may.</param>
/// <param name="grains">The way to the registers.</param>
/// <param name="ids">Gives out ids.</param>
public sealed class ClientProducers(AccessControl access, IGrainFactory grains, ClientProducerIds ids)
{
    /// <summary>Takes in a new producer, at epoch 0.</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <returns>Its id, which nobody else has.</returns>
    /// <exception cref="StreamException">A limit is reached, or there is no id to be had just now.</exception>
    public async ValueTask<long> AddAsync(Caller caller)
    {
        access.DemandAnyTopic(caller, AccessOperations.Write);
        var id = await ids.TakeAsync(TopicLimits.AppendTimeout);
        return await Register(id).AddAsync(id) is { } error ? throw new StreamException(error) : id;
    }

    /// <summary>
    /// Takes an id for a producer that counts its epochs itself, as Kafka's clients do (KIP-360). They begin at 0, and a higher epoch fences lower
    /// ones.
    /// </summary>
    /// <param name="caller">On whose behalf.</param>
    /// <returns>The id, which nobody else has.</returns>
    /// <exception cref="StreamException">There is no id to be had just now.</exception>
    public ValueTask<long> TakeIdAsync(Caller caller)
    {
        access.DemandAnyTopic(caller, AccessOperations.Write);
        return ids.TakeAsync(TopicLimits.AppendTimeout);
    }

    /// <summary>Gives a producer its next epoch. In each partition the first batch with it fences the earlier epoch (KIP-360).</summary>
    /// <param name="caller">On whose behalf.</param>
    /// <param name="producerId">The producer's id.</param>
    /// <param name="producerEpoch">The epoch that it has.</param>
    /// <param name="key">A key of the caller's, by which a repeat of the call is known and given the same answer; null for none.</param>
    /// <returns>The new epoch.</returns>
    /// <exception cref="StreamException">The producer is not known or has another epoch by now; or the key was used for the epoch before.</exception>
    public async ValueTask<short> RaiseEpochAsync(Caller caller, long producerId, short producerEpoch, string? key)
    {
        access.DemandAnyTopic(caller, AccessOperations.Write);
        var hash = key is null ? null : KeyedRequests.HashOf(key);
        var raised = await Register(producerId).RaiseEpochAsync(producerId, producerEpoch, hash);
        return raised.Error is { } error ? throw new StreamException(error) : raised.ProducerEpoch;
    }

    private IProducerRegisterGrain Register(long id) => grains.GetGrain<IProducerRegisterGrain>(IProducerRegisterGrain.KeyOf(id));
}
