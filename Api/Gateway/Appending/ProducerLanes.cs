using OrleansStream.Errors;
using OrleansStream.Producers;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Appending;

/// <summary>The producer identities of this node. Each append uses one alone, so that it can be repeated.</summary>
/// <remarks>
/// A lane is a producer id whose epoch counts requests. Partitions remember only the newest epoch of an id. So a few ids serve any number of
/// requests, and a late batch of an older request is refused. The lane that was returned last is used first, so there are never more lanes than
/// requests at once. A lane is not used again if its request ended with an unknown outcome, or if a partition refused its epoch. Every reader of
/// batches sees the ids of lanes, but callers cannot name them (<see cref="ProducerIdRanges"/>).
/// </remarks>
/// <param name="grains">Gives new lanes their ids.</param>
/// <param name="time">Times how long the service is asked for ids.</param>
/// <param name="random">Where the jitter between questions comes from; null for <see cref="RandomSource.System"/>.</param>
public sealed class ProducerLanes(IGrainFactory grains, TimeProvider time, RandomSource? random = null)
{
    private readonly ProducerIds _ids = new(
        () => grains.GetGrain<IServiceProducerIdGrain>(IServiceProducerIdGrain.Key).TakeBlockAsync(), time, random);
    private readonly Lock _gate = new();
    private readonly Stack<ProducerLane> _idle = new();

    /// <summary>Takes a lane for one request.</summary>
    /// <param name="timeout">How long to wait where a new id is needed.</param>
    /// <exception cref="StreamException">There was none in time.</exception>
    public ValueTask<ProducerLane> RentAsync(TimeSpan timeout)
    {
        ProducerLane? lane;
        lock (_gate)
            _idle.TryPop(out lane);
        if (lane is null)
            return RentNewAsync(timeout);
        lane.BeginRequest();
        return ValueTask.FromResult(lane);
    }

    /// <summary>Returns a lane whose request has a certain outcome.</summary>
    /// <param name="lane">The lane.</param>
    public void Return(ProducerLane lane)
    {
        if (lane.IsUsedUp)
            return;
        lock (_gate)
        {
            if (_idle.Count < AppendingLimits.ProducerLanesMax)
                _idle.Push(lane);
        }
    }

    private async ValueTask<ProducerLane> RentNewAsync(TimeSpan timeout)
    {
        var lane = new ProducerLane(await _ids.TakeAsync(timeout));
        lane.BeginRequest();
        return lane;
    }
}
