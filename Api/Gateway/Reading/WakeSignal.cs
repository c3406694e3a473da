namespace OrleansStream.Gateway.Reading;

/// <summary>A signal for one waiter. It stays set until it is reset, so it also wakes a waiter that comes later.</summary>
internal sealed class WakeSignal
{
    private volatile TaskCompletionSource _set = NewSource();

    /// <summary>Sets the signal, which wakes the waiter.</summary>
    public void Set() => _set.TrySetResult();

    /// <summary>Resets the signal. The caller must check for work after the reset and not before, or it can miss a signal.</summary>
    public void Reset()
    {
        if (_set.Task.IsCompleted)
            _set = NewSource();
    }

    /// <summary>Waits until the signal is set, or the longest wait is over.</summary>
    /// <param name="most">The longest wait.</param>
    /// <param name="time">Times the wait.</param>
    /// <param name="cancellationToken">Ends the wait, without an exception.</param>
    public async Task WaitAsync(TimeSpan most, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await _set.Task.WaitAsync(most, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // The caller checks the time and the token itself.
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
