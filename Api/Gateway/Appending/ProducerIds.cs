using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Appending;

/// <summary>The producer ids that this node was given and has not used yet.</summary>
/// <param name="takeBlock">Asks for the first of <see cref="ProducerLimits.IdsPerBlock"/> new ids.</param>
/// <param name="time">Times how long the service is asked for ids.</param>
/// <param name="random">Where the jitter between questions comes from; null for <see cref="RandomSource.System"/>.</param>
public sealed class ProducerIds(Func<Task<long>> takeBlock, TimeProvider time, RandomSource? random)
{
    private readonly Lock _gate = new();
    private Task? _asking;
    private long _nextId;
    private int _idsLeft;

    /// <summary>Takes an id that nobody else has.</summary>
    /// <param name="timeout">How long to wait for it.</param>
    /// <exception cref="StreamException">There was none in time.</exception>
    public ValueTask<long> TakeAsync(TimeSpan timeout) => TryTake() is { } id ? ValueTask.FromResult(id) : new ValueTask<long>(AskAsync(timeout));

    private long? TryTake()
    {
        lock (_gate)
        {
            if (_idsLeft == 0)
                return null;
            _idsLeft--;
            return _nextId++;
        }
    }

    private async Task<long> AskAsync(TimeSpan timeout)
    {
        try
        {
            return await AppendRetry.CallAsync(time, timeout, random, AskOnceAsync);
        }
        catch (Exception e) when (LostCalls.IsLost(e) || e is StreamException)
        {
            throw new StreamException(new StreamError(
                StreamErrorCode.CoordinatorNotAvailable, "There is no producer id to be had just now; nothing was stored. Try again."));
        }
    }

    private async Task<long> AskOnceAsync()
    {
        while (true)
        {
            Task asking;
            lock (_gate)
                asking = _asking is { IsCompleted: false } ? _asking : _asking = TakeBlockAsync();
            await asking;
            // Other callers that waited for the block may have taken all of it.
            if (TryTake() is { } id)
                return id;
        }
    }

    private async Task TakeBlockAsync()
    {
        var first = await takeBlock();
        lock (_gate)
            (_nextId, _idsLeft) = (first, ProducerLimits.IdsPerBlock);
    }
}
