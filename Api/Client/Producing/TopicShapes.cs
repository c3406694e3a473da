using OrleansStream.Client.Connections;
using OrleansStream.Contracts;

namespace OrleansStream.Client.Producing;

/// <summary>
/// How many partitions a topic has and which keys it spreads, asked anew now and then: both can change. What was known serves while it is asked
/// for, so that records do not wait.
/// </summary>
internal sealed class TopicShapes : IDisposable
{
    private readonly CancellationTokenSource _disposed = new();
    private readonly ServiceCalls _calls;
    private readonly string _topic;
    private readonly ITimer _age;
    private TopicShape? _shape;
    private volatile bool _isOld;
    private int _isRefreshing;
    private StreamServiceException? _failure;
    private int _failures;

    /// <summary>Knows nothing yet.</summary>
    /// <param name="calls">Asks the service.</param>
    /// <param name="topic">The topic.</param>
    public TopicShapes(ServiceCalls calls, string topic)
    {
        (_calls, _topic) = (calls, topic);
        // A timer in place of a look at the clock for each record.
        _age = calls.Time.CreateTimer(
            static shapes => ((TopicShapes)shapes!)._isOld = true, this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What is known; null when it must be asked for first. It is used while the service is asked again.</summary>
    public TopicShape? Known
    {
        get
        {
            var shape = Volatile.Read(ref _shape);
            if (shape is not null && _isOld && Interlocked.Exchange(ref _isRefreshing, 1) == 0)
                _ = RefreshAsync();
            return shape;
        }
    }

    /// <summary>How often the topic was asked for in vain.</summary>
    public int FailureCount => Volatile.Read(ref _failures);

    /// <summary>What the topic is like, which is asked for if it is not known.</summary>
    /// <param name="failuresBefore">
    /// <see cref="FailureCount"/> when the call began. What failed since then is told to it, too: of a thousand calls that wait for a service that does
    /// not answer, one asks.
    /// </param>
    /// <param name="cancellationToken">Ends the wait for the service.</param>
    /// <exception cref="StreamServiceException">There is no such topic, or nobody answers.</exception>
    public ValueTask<TopicShape> GetAsync(int failuresBefore, CancellationToken cancellationToken)
    {
        if (Known is { } known)
            return new ValueTask<TopicShape>(known);
        return FailureCount != failuresBefore
            ? ValueTask.FromException<TopicShape>(Volatile.Read(ref _failure)!)
            : new ValueTask<TopicShape>(AskFirstAsync(cancellationToken));
    }

    /// <summary>The topic is not what it was: it is asked for before the next record.</summary>
    public void Forget() => Volatile.Write(ref _shape, null);

    /// <inheritdoc/>
    public void Dispose()
    {
        _age.Dispose();
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private void BeginAge()
    {
        _isOld = false;
        _age.Change(ProducerLimits.TopicAgeMax, Timeout.InfiniteTimeSpan);
    }

    private async Task<TopicShape> AskFirstAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (StreamServiceException exception)
        {
            Volatile.Write(ref _failure, exception);
            Interlocked.Increment(ref _failures);
            throw;
        }
    }

    private async Task<TopicShape> AskAsync(CancellationToken cancellationToken)
    {
        var described = await _calls.AskAsync(
            HttpMethod.Get, $"v1/topics/{Uri.EscapeDataString(_topic)}", ApiJsonContext.Api.TopicAnswer, body: null, cancellationToken)
            .ConfigureAwait(false);
        BeginAge();
        var shape = TopicShape.Of(described);
        Volatile.Write(ref _shape, shape);
        return shape;
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
            // What was known serves for as long again.
            BeginAge();
        }
        finally
        {
            Volatile.Write(ref _isRefreshing, 0);
        }
    }
}
