using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Persistence;

namespace OrleansStream.Producers;

/// <summary>The counter of clients' producer ids.</summary>
/// <param name="state">The stored counter.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">Logs failures.</param>
[GrainType("producer-ids")]
internal sealed class ProducerIdGrain(
    [PersistentState("ids", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerIdState> state, RepeatedFailures failures,
    ILogger<ProducerIdGrain> logger)
    : ProducerIdCounterGrain(ProducerIdRanges.ClientMin, ProducerIdRanges.ServiceMin, state, failures, logger), IProducerIdGrain;

/// <summary>
/// The counter of the service's own producer ids. It is a grain of its own, with its own document, because silos of an older version do not know it.
/// Otherwise they would give out clients' ids instead, or drop this counter when they write the other one.
/// </summary>
/// <param name="state">The stored counter.</param>
/// <param name="failures">Counts repeated failures.</param>
/// <param name="logger">Logs failures.</param>
[GrainType("service-producer-ids")]
internal sealed class ServiceProducerIdGrain(
    [PersistentState("ids", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerIdState> state, RepeatedFailures failures,
    ILogger<ServiceProducerIdGrain> logger)
    : ProducerIdCounterGrain(ProducerIdRanges.ServiceMin, ProducerIdRanges.DerivedMin, state, failures, logger), IServiceProducerIdGrain;
