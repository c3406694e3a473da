using OrleansStream.Errors;
using OrleansStream.Producers;

namespace OrleansStream.Api.Producers;

/// <summary>The producer identities of this node: each request that appends has one to itself, so that it can be repeated.</summary>
/// <remarks>
/// A lane is an id, and its epoch counts requests: partitions remember an id's newest epoch only, so few ids serve any number of
/// requests, and whatever of an older request is still on its way is refused. The lane that came back last goes first, so that
/// there are no more than requests at once. One whose request ended with an open outcome never comes back.
/// </remarks>
/// <param name="grains">Gives out ids.</param>
/// <param name="time">The clock.</param>
internal sealed class ProducerLanes(IGrainFactory grains, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Stack<ProducerLane> _idle = new();
    private Task? _asking;
    private long _nextId;
    private int _idsLeft;

    /// <summary>Takes a lane for one request.</summary>
    /// <param name="timeout">How long to wait where new ids are needed.</param>
    /// <exception cref="StreamException">There were none in time.</exception>
    public ValueTask<ProducerLane> RentAsync(TimeSpan timeout) =>
        TryRent() is { } lane ? ValueTask.FromResult(lane) : new ValueTask<ProducerLane>(AskAsync(timeout));

    /// <summary>Gives a lane back whose request has an outcome that is certain.</summary>
    /// <param name="lane">The lane.</param>
    public void Return(ProducerLane lane)
    {
        if (lane.IsUsedUp)
            return;
        lock (_gate)
        {
            if (_idle.Count < Limits.ProducerLanesMax)
                _idle.Push(lane);
        }
    }

    private ProducerLane? TryRent()
    {
        ProducerLane? lane;
        lock (_gate)
        {
            if (!_idle.TryPop(out lane))
            {
                if (_idsLeft == 0)
                    return null;
                _idsLeft--;
                lane = new ProducerLane(_nextId++);
            }
        }

        lane.BeginRequest();
        return lane;
    }

    private async Task<ProducerLane> AskAsync(TimeSpan timeout)
    {
        long startedAt = time.GetTimestamp();
        while (true)
        {
            Task asking;
            lock (_gate)
                asking = _asking is { IsCompleted: false } ? _asking : _asking = TakeBlockAsync();
            try
            {
                await asking;
            }
            catch (Exception e) when (e is OrleansException or TimeoutException or StreamException)
            {
                // The counter's silo may just have gone, and another takes it over.
                if (time.GetElapsedTime(startedAt) + Limits.LostCallPause >= timeout)
                    throw NoIds();
                await Task.Delay(Limits.LostCallPause, time);
            }

            if (TryRent() is { } lane)
                return lane;
        }
    }

    private async Task TakeBlockAsync()
    {
        long first = await grains.GetGrain<IProducerIdGrain>(IProducerIdGrain.Key).TakeBlockAsync();
        lock (_gate)
            (_nextId, _idsLeft) = (first, ProducerLimits.IdsPerBlock);
    }

    private static StreamException NoIds() => new(new StreamError(
        StreamErrorCode.CoordinatorNotAvailable, "There is no identity for the request just now; nothing was stored. Try again."));
}
