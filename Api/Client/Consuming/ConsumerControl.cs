using System.Diagnostics.CodeAnalysis;
using OrleansStream.Client.Administration;

namespace OrleansStream.Client.Consuming;

/// <summary>What a consumer is told from outside while it runs: to pause, to go on, to go to another place. Each ends a poll that waits.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source of tokens without a timer holds nothing.")]
internal sealed class ConsumerControl
{
    private readonly object _gate = new();
    private readonly Queue<SeekRequest> _seeks = new();
    private CancellationTokenSource _interrupt = new();
    private bool _isPaused;

    /// <summary>True while it is paused.</summary>
    public bool IsPaused
    {
        get
        {
            lock (_gate)
                return _isPaused;
        }

        set
        {
            lock (_gate)
                _isPaused = value;
            Interrupt();
        }
    }

    /// <summary>Cancelled when something is told.</summary>
    public CancellationToken Interrupted
    {
        get
        {
            lock (_gate)
                return _interrupt.Token;
        }
    }

    /// <summary>Asks to go to another place.</summary>
    /// <param name="position">The place.</param>
    /// <returns>The request, whose task ends when it is done.</returns>
    public SeekRequest Ask(GroupPosition position)
    {
        var request = new SeekRequest(position);
        lock (_gate)
            _seeks.Enqueue(request);
        Interrupt();
        return request;
    }

    /// <summary>The next request; null when there is none.</summary>
    public SeekRequest? Take()
    {
        lock (_gate)
            return _seeks.TryDequeue(out var request) ? request : null;
    }

    /// <summary>Waits until something is told.</summary>
    /// <param name="max">The longest wait.</param>
    /// <param name="time">Times the wait.</param>
    /// <param name="interrupted">As <see cref="Interrupted"/> was before anything was looked at.</param>
    /// <param name="cancellationToken">Ends it with an exception.</param>
    public static async Task WaitAsync(TimeSpan max, TimeProvider time, CancellationToken interrupted, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, interrupted);
        await Task.Delay(max, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Interrupt()
    {
        CancellationTokenSource told;
        lock (_gate)
            (told, _interrupt) = (_interrupt, new CancellationTokenSource());
        told.Cancel();
    }
}

/// <summary>A request to go to another place.</summary>
/// <param name="position">The place.</param>
internal sealed class SeekRequest(GroupPosition position)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when it is done.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Does it.</summary>
    /// <param name="seek">Goes to the place.</param>
    public async Task RunAsync(Func<GroupPosition, Task> seek)
    {
        try
        {
            await seek(position).ConfigureAwait(false);
            _ended.TrySetResult();
        }
        catch (OperationCanceledException)
        {
            _ended.TrySetCanceled();
            throw;
        }
        catch (PartitionsHandlerException exception)
        {
            _ended.TrySetException(exception);
            throw;
        }
        catch (Exception exception)
        {
            // Who asked is told; the consumer goes on where it was.
            _ended.TrySetException(exception);
        }
    }
}
