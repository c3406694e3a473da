using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>
/// How many partitions a topic has, asked anew now and then: a topic can get more. An old count serves while the new one is asked for, so that
/// records do not wait.
/// </summary>
/// <param name="calls">Asks the service.</param>
/// <param name="topic">The topic.</param>
internal sealed class TopicPartitions(ServiceCalls calls, string topic) : IDisposable
{
    private readonly CancellationTokenSource _disposed = new();
    private int _count;
    private int _isRefreshing;
    private long _askedAt;

    /// <summary>The last known count; 0 when it must be asked for first. An old count is used while the service is asked again.</summary>
    public int Known
    {
        get
        {
            var count = Volatile.Read(ref _count);
            if (count > 0 && !IsFresh() && Interlocked.Exchange(ref _isRefreshing, 1) == 0)
                _ = RefreshAsync();
            return count;
        }
    }

    /// <summary>The count, which is asked for if it is not known.</summary>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <exception cref="StreamServiceException">There is no such topic, or nobody answers.</exception>
    public ValueTask<int> GetCountAsync(CancellationToken cancellationToken) =>
        Known is > 0 and var known ? new ValueTask<int>(known) : new ValueTask<int>(AskAsync(cancellationToken));

    /// <summary>The topic is not what it was: it is asked for before the next record.</summary>
    public void Forget() => Volatile.Write(ref _count, 0);

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private bool IsFresh() => calls.Time.GetElapsedTime(Volatile.Read(ref _askedAt)) < ProducerLimits.TopicAgeMax;

    private async Task<int> AskAsync(CancellationToken cancellationToken)
    {
        var described = await calls.AskAsync(
            HttpMethod.Get, $"v1/topics/{Uri.EscapeDataString(topic)}", ApiJsonContext.Api.TopicAnswer, body: null, cancellationToken)
            .ConfigureAwait(false);
        Volatile.Write(ref _askedAt, calls.Time.GetTimestamp());
        Volatile.Write(ref _count, described.Partitions);
        return described.Partitions;
    }

    // Nobody waits for it: what fails now is asked for again later.
    private async Task RefreshAsync()
    {
        try
        {
            await AskAsync(_disposed.Token).ConfigureAwait(false);
        }
        catch (StreamServiceException exception) when (!exception.IsRetriable)
        {
            // The next record asks, and tells its caller.
            Forget();
        }
        catch (Exception)
        {
            // The old count serves for as long again.
            Volatile.Write(ref _askedAt, calls.Time.GetTimestamp());
        }
        finally
        {
            Volatile.Write(ref _isRefreshing, 0);
        }
    }
}
