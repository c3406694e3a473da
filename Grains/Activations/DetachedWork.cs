namespace OrleansStream.Activations;

/// <summary>
/// Work of a grain that runs beside its calls. Only one run is under way at a time, and it does not keep the activation from ending.
/// </summary>
/// <remarks>
/// An activation that ends first finishes its calls and timers, and new callers wait until it has. If such work were one of these calls or timers,
/// and waited for grains that call this one, each would wait for the other until the call timed out.
/// </remarks>
internal sealed class DetachedWork : IDisposable
{
    private readonly CancellationTokenSource _leaving = new();
    private Task _work = Task.CompletedTask;

    /// <summary>Starts the work, unless it is under way. Must be called within a grain's turn.</summary>
    /// <param name="work">The work; its token is cancelled when the activation ends.</param>
    public void Start(Func<CancellationToken, Task> work)
    {
        if (_work.IsCompleted)
            _work = OutsideCall.RunAsync(() => work(_leaving.Token));
    }

    /// <summary>Cancels the work, and does not wait for its end.</summary>
    public Task LeaveAsync() => _leaving.CancelAsync();

    /// <inheritdoc/>
    public void Dispose() => _leaving.Dispose();
}
