using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.GrainStorage;

namespace OrleansStream.Producers;

/// <summary>The counter of producer ids.</summary>
/// <remarks>
/// Not reentrant, and no block is given out before the counter behind it was written under its etag: of two activations the stale
/// one's write fails. A write whose outcome is in doubt may have moved the counter; the next activation reads it, and ids are lost at worst.
/// </remarks>
[GrainType("producer-ids")]
internal sealed partial class ProducerIdGrain(
    [PersistentState("ids", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerIdState> state, ILogger<ProducerIdGrain> logger)
    : Grain, IProducerIdGrain
{
    /// <inheritdoc/>
    public async Task<long> TakeBlockAsync()
    {
        long first = state.State.NextId;
        state.State = new ProducerIdState { NextId = first + ProducerLimits.IdsPerBlock };
        try
        {
            await state.WriteStateAsync();
            return first;
        }
        catch (Exception e)
        {
            LogNotStored(e);
            DeactivateOnIdle();
            throw new StreamException(new StreamError(
                StreamErrorCode.CoordinatorNotAvailable, "The counter of producer ids could not be stored. Try again."));
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The counter of producer ids could not be stored")]
    private partial void LogNotStored(Exception exception);
}

/// <summary>What is stored of the counter.</summary>
internal sealed record ProducerIdState
{
    /// <summary>The first id that was never given out.</summary>
    public long NextId { get; init; } = ProducerLimits.IdMin;
}
