using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>
/// The identity of a partition's next batch: the producer's id, an epoch and the number of the batch's first record. A partition stores a batch with
/// the same identity once. When the numbers have a gap, since a batch failed, the epoch is raised and numbers begin at 0 (KIP-360).
/// </summary>
/// <param name="identities">Gives producer ids.</param>
internal sealed class LaneSequence(ProducerIdentities identities)
{
    private long? _producerId;
    private long? _refusedId;
    private short _epoch;
    private int _sequence;

    /// <summary>Puts the identity of the next batch on a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="deadline">When the time of the batch's records is over; null for never.</param>
    /// <exception cref="StreamServiceException">The service gives no producer id.</exception>
    public async ValueTask StampAsync(HttpRequestMessage request, long? deadline)
    {
        if (_producerId is null)
        {
            var taken = await TakeIdAsync(deadline).ConfigureAwait(false);
            (_producerId, _epoch, _sequence) = (taken.ProducerId, taken.ProducerEpoch, 0);
        }

        request.Headers.Add("Producer-Id", _producerId.ToString());
        request.Headers.Add("Producer-Epoch", _epoch.ToString());
        request.Headers.Add("Producer-Sequence", _sequence.ToString());
    }

    /// <summary>The batch is stored: the next one follows it.</summary>
    /// <param name="count">The count of its records.</param>
    public void Advance(int count) => _sequence = unchecked(_sequence + count) & int.MaxValue;

    /// <summary>
    /// It is not known whether the last batch is stored. The next one has a newer epoch, from which on the partition refuses all batches of the older
    /// one.
    /// </summary>
    public void Raise()
    {
        _sequence = 0;
        if (_epoch == short.MaxValue)
            Forget();
        else
            _epoch++;
    }

    /// <summary>The service does not know the producer id, or somebody else has raised its epoch: the next batch has another one.</summary>
    public void Forget() => (_refusedId, _producerId) = (_producerId, null);

    private async ValueTask<ProducerAnswer> TakeIdAsync(long? deadline)
    {
        try
        {
            return await identities.GetAsync(_refusedId, deadline).ConfigureAwait(false);
        }
        catch (StreamServiceException exception)
        {
            // Whether an id was given out does not matter: no batch was sent under it.
            throw exception.WithOutcome(isOutcomeUnknown: false);
        }
    }
}
