using System.Diagnostics.CodeAnalysis;
using OrleansStream.Client.Administration;
using OrleansStream.Client.Connections;

namespace OrleansStream.Client.Consuming;

/// <summary>What a consumer is told from outside while it runs: to pause, to go on, to go to another place. Each ends a poll that waits.</summary>
[SuppressMessage("Design", "CA1001", Justification = "A source of tokens without a timer holds nothing.")]
internal sealed class ConsumerControl
{
    private readonly object _gate = new();
    private readonly Queue<SeekRequest> _seeks = new();
    private readonly CallOrder _order = new();
    private CancellationTokenSource _interrupt = new();
    private SeekRequest? _taken;
    private bool _isPaused;
    private bool _isRunning;

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

    /// <summary>Cancelled when something is told. Whoever takes it before it looks what was told misses nothing.</summary>
    public CancellationToken Interrupted
    {
        get
        {
            lock (_gate)
                return _interrupt.Token;
        }
    }

    /// <summary>The consumer runs from now on.</summary>
    public void Begin()
    {
        lock (_gate)
            _isRunning = true;
    }

    /// <summary>The consumer has left the group. Whoever asked and was not served is told.</summary>
    public void End()
    {
        SeekRequest[] left;
        lock (_gate)
        {
            _isRunning = false;
            left = _taken is null ? [.. _seeks] : [_taken, .. _seeks];
            _seeks.Clear();
            _taken = null;
        }

        Array.ForEach(left, request => request.End());
    }

    /// <summary>Asks to go to another place.</summary>
    /// <param name="position">The place.</param>
    /// <returns>The request. Whoever asks ends its turn in any case.</returns>
    public SeekRequest Ask(GroupPosition position)
    {
        SeekRequest request;
        lock (_gate)
        {
            request = new SeekRequest(position, _order.Enter());
            if (_isRunning)
                _seeks.Enqueue(request);
            else
                request.End();
        }

        Interrupt();
        return request;
    }

    /// <summary>The next request; null when there is none.</summary>
    public SeekRequest? Take()
    {
        lock (_gate)
            return _taken = _seeks.TryDequeue(out var request) ? request : null;
    }

    private void Interrupt()
    {
        CancellationTokenSource told;
        lock (_gate)
            (told, _interrupt) = (_interrupt, new CancellationTokenSource());
        try
        {
            told.Cancel();
        }
        catch (AggregateException)
        {
            // What ends the poll is the program's own handler of HTTP, too. What that throws does not undo what was told.
        }
    }
}

/// <summary>A request to go to another place.</summary>
/// <param name="position">The place.</param>
/// <param name="turn">Its place among all requests: they are done in the order in which they were made, whoever does them.</param>
internal sealed class SeekRequest(GroupPosition position, CallOrder.Turn turn)
{
    private readonly TaskCompletionSource<bool> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The place.</summary>
    public GroupPosition Position => position;

    /// <summary>Its place among all requests.</summary>
    public CallOrder.Turn Turn => turn;

    /// <summary>Ends when it is done; false when the consumer does not run, or ended before. Then whoever asked does it, in its turn.</summary>
    public Task<bool> Ended => _ended.Task;

    /// <summary>The consumer has ended, maybe without it.</summary>
    public void End() => _ended.TrySetResult(false);

    /// <summary>Does it.</summary>
    /// <param name="seek">Goes to the place.</param>
    public async Task RunAsync(Func<Task> seek)
    {
        try
        {
            await seek().ConfigureAwait(false);
            _ended.TrySetResult(true);
        }
        catch (PartitionsHandlerException exception)
        {
            _ended.TrySetException(exception);
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // Who asked is told; the consumer goes on where it was. When it is told to stop meanwhile, this ends with it.
            _ended.TrySetException(exception);
        }
    }
}
