using Microsoft.Extensions.Logging;
using OrleansStream.Persistence;

namespace OrleansStream.Producers;

/// <summary>The counter of clients' producer ids.</summary>
/// <param name="state">What is stored of it.</param>
/// <param name="logger">Told of failures.</param>
[GrainType("producer-ids")]
internal sealed class ProducerIdGrain(
    [PersistentState("ids", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerIdState> state, ILogger<ProducerIdGrain> logger)
    : ProducerIdCounterGrain(ProducerIdRanges.ClientMin, ProducerIdRanges.ServiceMin, state, logger), IProducerIdGrain;

/// <summary>
/// The counter of the service's own producer ids. A grain with a document of its own: a silo of an older version, which would give out clients' ids in their
/// place, or forget the counter when it writes the other one, does not know it.
/// </summary>
/// <param name="state">What is stored of it.</param>
/// <param name="logger">Told of failures.</param>
[GrainType("service-producer-ids")]
internal sealed class ServiceProducerIdGrain(
    [PersistentState("ids", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerIdState> state, ILogger<ServiceProducerIdGrain> logger)
    : ProducerIdCounterGrain(ProducerIdRanges.ServiceMin, ProducerIdRanges.DerivedMin, state, logger), IServiceProducerIdGrain;
