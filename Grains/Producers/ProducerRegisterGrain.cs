using Microsoft.Extensions.Logging;
using OrleansStream.Errors;
using OrleansStream.Persistence;

namespace OrleansStream.Producers;

/// <summary>Keeps the epochs of a share of the clients' producers in one document.</summary>
/// <remarks>Calls interleave, and the state changes only between awaits. Every answer comes after the write that contains its change.</remarks>
[GrainType("producer-register")]
internal sealed partial class ProducerRegisterGrain(
    [PersistentState("producers", DocumentGrainStorage.ProviderName)] IPersistentState<ProducerRegisterState> state,
    TimeProvider time, RepeatedFailures failures, ILogger<ProducerRegisterGrain> logger) : Grain, IProducerRegisterGrain
{
    private Dictionary<long, RegisteredProducer> _producers = [];
    private SharedWrite _write = null!;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _producers = state.State.Producers;
        _write = new SharedWrite("The register of producers", WriteAsync, IsOwnAsync, Fail);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<StreamError?> AddAsync(long producerId)
    {
        _write.ThrowIfFailed();
        if (_producers.Count >= ProducerLimits.ProducersPerRegisterMax)
            Expire();
        if (_producers.Count >= ProducerLimits.ProducersPerRegisterMax)
        {
            return new StreamError(
                StreamErrorCode.PolicyViolation,
                $"There are too many producers: one of {ProducerLimits.RegistersCount} registers has {ProducerLimits.ProducersPerRegisterMax}, and "
                + $"each producer is kept for {ProducerLimits.RegistrationAge.TotalDays} days. Raise the epoch of a producer that you have, or use idempotency keys.");
        }

        _producers[producerId] = new RegisteredProducer(0, time.GetUtcNow());
        _write.Changed();
        await _write.FlushAsync();
        return null;
    }

    /// <inheritdoc/>
    public async Task<ProducerEpochResponse> RaiseEpochAsync(long producerId, short producerEpoch, string? key)
    {
        _write.ThrowIfFailed();
        if (!_producers.TryGetValue(producerId, out var known))
            return await RefuseAsync(StreamErrorCode.UnknownProducerId, $"There is no producer {producerId}, or it has expired. Take a new one.");
        var isKnownKey = key is not null && known.Key == key;
        if (known.Epoch != producerEpoch)
        {
            // The epoch by which the call is judged may not be durable yet.
            await _write.FlushAsync();
            return isKnownKey && known.Epoch == producerEpoch + 1
                ? new ProducerEpochResponse(Error: null, known.Epoch)
                : await RefuseAsync(StreamErrorCode.InvalidProducerEpoch, $"Producer {producerId} has epoch {known.Epoch} now, not {producerEpoch}.");
        }

        if (isKnownKey)
        {
            return await RefuseAsync(StreamErrorCode.IdempotencyKeyReused,
                $"This key was already used to give producer {producerId} the epoch {producerEpoch}.");
        }

        if (producerEpoch == short.MaxValue)
            return await RefuseAsync(StreamErrorCode.InvalidProducerEpoch, $"The epochs of producer {producerId} are used up. Take a new one.");
        var raised = (short)(producerEpoch + 1);
        _producers[producerId] = new RegisteredProducer(raised, time.GetUtcNow(), key);
        _write.Changed();
        await _write.FlushAsync();
        return new ProducerEpochResponse(Error: null, raised);
    }

    // Another activation may have taken the register over, and know the producer by a newer epoch. A producer that is refused gives up for good.
    private async Task<ProducerEpochResponse> RefuseAsync(StreamErrorCode code, string detail)
    {
        await _write.ConfirmAsync();
        return new ProducerEpochResponse(new StreamError(code, detail), ProducerEpoch: -1);
    }

    private void Expire()
    {
        var oldest = time.GetUtcNow() - ProducerLimits.RegistrationAge;
        foreach (var id in _producers.Where(producer => producer.Value.At < oldest).Select(producer => producer.Key).ToArray())
            _producers.Remove(id);
    }

    private Task WriteAsync()
    {
        // Writes a copy, because the producers may change during the write.
        state.State = new ProducerRegisterState { Producers = new(_producers) };
        return state.WriteStateAsync();
    }

    private async Task<bool> IsOwnAsync()
    {
        var etag = state.Etag;
        await state.ReadStateAsync();
        return state.Etag == etag;
    }

    private void Fail(Exception exception)
    {
        if (failures.IsToTell($"write register of producers {this.GetPrimaryKeyLong()}", out var count))
            LogWriteFailed(exception, count);
        DeactivateOnIdle();
    }

    [LoggerMessage(
        Level = LogLevel.Error, Message = "This activation could not store the register of producers; failures since this was last said: {Failures}")]
    private partial void LogWriteFailed(Exception exception, int failures);
}

/// <summary>The stored form of a share of the producers.</summary>
internal sealed record ProducerRegisterState
{
    /// <summary>The producers by their ids.</summary>
    public Dictionary<long, RegisteredProducer> Producers { get; init; } = [];
}

/// <summary>A producer.</summary>
/// <param name="Epoch">Its newest epoch.</param>
/// <param name="At">When it got that epoch.</param>
/// <param name="Key">The hash of the key with which the epoch was asked for; null for none.</param>
internal sealed record RegisteredProducer(short Epoch, DateTimeOffset At, string? Key = null);
