using OrleansStream.Errors;
using OrleansStream.Producers;

namespace OrleansStream.Gateway.Appending;

/// <summary>The producer identities of this node: each request that appends has one to itself, so that it can be repeated.</summary>
/// <remarks>
/// A lane is an id, and its epoch counts requests: partitions remember an id's newest epoch only, so few ids serve any number of
/// requests, and whatever of an older request is still on its way is refused. The lane that came back last goes first, so that
/// there are no more than requests at once. One whose request ended with an open outcome never comes back, nor one that a partition refused
/// by its epoch. Anybody who reads batches sees the ids of lanes; callers cannot name them (<see cref="ProducerIdRanges"/>).
/// </remarks>
/// <param name="grains">Gives new lanes their ids.</param>
/// <param name="time">The clock.</param>
public sealed class ProducerLanes(IGrainFactory grains, TimeProvider time)
{
    private readonly ProducerIds _ids = new(
        () => grains.GetGrain<IServiceProducerIdGrain>(IServiceProducerIdGrain.Key).TakeBlockAsync(), time);
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

    /// <summary>Gives a lane back whose request has an outcome that is certain.</summary>
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
