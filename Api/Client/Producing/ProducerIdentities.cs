using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>The producer id by which the service recognizes repeats. It is taken once, and anew when the service does not know it any more.</summary>
/// <param name="calls">Asks the service.</param>
internal sealed class ProducerIdentities(ServiceCalls calls) : IDisposable
{
    private readonly SemaphoreSlim _asking = new(1, 1);
    private ProducerAnswer? _current;

    /// <summary>The id to use.</summary>
    /// <param name="stale">An id that the service refused; null for none.</param>
    /// <param name="deadline">When the time of the records that wait for it is over, as a timestamp of the clock; null for never.</param>
    /// <exception cref="StreamServiceException">The service gives none, or not in time.</exception>
    public async ValueTask<ProducerAnswer> GetAsync(long? stale, long? deadline)
    {
        if (Volatile.Read(ref _current) is { } known && known.ProducerId != stale)
            return known;
        await WaitForTurnAsync(deadline).ConfigureAwait(false);
        try
        {
            if (_current is null || _current.ProducerId == stale)
            {
                var taken = await calls.AskAsync(
                    HttpMethod.Post, "v1/producers", ApiJsonContext.Api.ProducerAnswer, body: null, CancellationToken.None, deadline).ConfigureAwait(false);
                Volatile.Write(ref _current, taken);
            }

            return _current;
        }
        finally
        {
            _asking.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _asking.Dispose();

    private async Task WaitForTurnAsync(long? deadline)
    {
        if (deadline is not { } at)
        {
            await _asking.WaitAsync().ConfigureAwait(false);
            return;
        }

        var left = calls.Time.GetElapsedTime(calls.Time.GetTimestamp(), at);
        using var over = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, calls.Time);
        try
        {
            await _asking.WaitAsync(over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception)
        {
            throw new StreamServiceException("No producer id came before the time of the records was over.", exception)
            {
                ErrorCode = StreamServiceException.NetworkException,
                IsRetriable = true,
            };
        }
    }
}
