namespace OrleansStream.Activations;

/// <summary>Work of a grain that goes on beside its calls, once at a time, and that does not keep the activation from going away.</summary>
/// <remarks>
/// An activation that goes away is first done with its calls and timers, and whoever calls the grain meanwhile waits for that. Work that waits
/// for grains which call this one must not be among them, or each waits for the other until a call's time is over.
/// </remarks>
internal sealed class DetachedWork : IDisposable
{
    private readonly CancellationTokenSource _leaving = new();
    private Task _work = Task.CompletedTask;

    /// <summary>Starts it, unless it is under way. Within a grain's turn.</summary>
    /// <param name="work">The work; its token is cancelled when the activation goes away.</param>
    public void Start(Func<CancellationToken, Task> work)
    {
        if (_work.IsCompleted)
            _work = work(_leaving.Token);
    }

    /// <summary>Cancels it, and does not wait for its end.</summary>
    public Task LeaveAsync() => _leaving.CancelAsync();

    /// <inheritdoc/>
    public void Dispose() => _leaving.Dispose();
}
