using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>How many partitions a topic has, asked anew now and then: a topic can get more.</summary>
/// <param name="calls">Asks the service.</param>
/// <param name="topic">The topic.</param>
internal sealed class TopicPartitions(ServiceCalls calls, string topic) : IDisposable
{
    private readonly SemaphoreSlim _asking = new(1, 1);
    private int _count;
    private long _askedAt;

    /// <summary>The count.</summary>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <exception cref="StreamServiceException">There is no such topic, or nobody answers.</exception>
    public ValueTask<int> GetCountAsync(CancellationToken cancellationToken)
    {
        var count = Volatile.Read(ref _count);
        return count > 0 && IsFresh() ? new ValueTask<int>(count) : new ValueTask<int>(AskAsync(cancellationToken));
    }

    /// <summary>The topic is not what it was: it is asked for before the next record.</summary>
    public void Forget() => Volatile.Write(ref _count, 0);

    /// <inheritdoc/>
    public void Dispose() => _asking.Dispose();

    private bool IsFresh() => calls.Time.GetElapsedTime(Volatile.Read(ref _askedAt)) < ProducerLimits.TopicAgeMax;

    private async Task<int> AskAsync(CancellationToken cancellationToken)
    {
        await _asking.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_count > 0 && IsFresh())
                return _count;
            var described = await calls.AskAsync(
                HttpMethod.Get, $"v1/topics/{Uri.EscapeDataString(topic)}", ApiJsonContext.Api.TopicAnswer, body: null, cancellationToken)
                .ConfigureAwait(false);
            Volatile.Write(ref _askedAt, calls.Time.GetTimestamp());
            Volatile.Write(ref _count, described.Partitions);
            return described.Partitions;
        }
        catch (StreamServiceException exception) when (exception.IsRetriable && _count > 0)
        {
            // The old count serves until the service answers again.
            return _count;
        }
        finally
        {
            _asking.Release();
        }
    }
}
