namespace OrleansStream.Gateway.Reading;

/// <summary>Wakes one waiter; also one that comes later, unless the signal was reset since.</summary>
internal sealed class WakeSignal
{
    private volatile TaskCompletionSource _set = NewSource();

    /// <summary>Wakes the waiter.</summary>
    public void Set() => _set.TrySetResult();

    /// <summary>Forgets that it was set. What it told of is to be looked at after this.</summary>
    public void Reset()
    {
        if (_set.Task.IsCompleted)
            _set = NewSource();
    }

    /// <summary>Waits until it is set.</summary>
    /// <param name="most">The longest wait.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait, without an exception.</param>
    public async Task WaitAsync(TimeSpan most, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            await _set.Task.WaitAsync(most, time, cancellationToken);
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // Whoever waits looks at the time itself.
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
