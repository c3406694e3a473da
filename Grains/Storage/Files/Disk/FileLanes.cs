namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// Runs operations on the disk threads. Operations on one name run in order, those on different names side by side. At most
/// <see cref="FileStoreLimits.QueuedOperationsMax"/> are admitted at a time.
/// </summary>
internal sealed class FileLanes : IDisposable
{
    private readonly FileLane[] _lanes = new FileLane[FileStoreLimits.LaneCount];
    private readonly SemaphoreSlim _admission = new(FileStoreLimits.QueuedOperationsMax);
    private readonly FileThreads _threads;
    private int _callersOnDisk;
    private volatile bool _closed;

    /// <summary>Starts the threads.</summary>
    public FileLanes(string name, int threadCount)
    {
        for (var i = 0; i < _lanes.Length; i++)
            _lanes[i] = new FileLane();
        _threads = new FileThreads(name, threadCount);
    }

    /// <summary>Runs a call on the name's lane.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled before the call was admitted.</exception>
    /// <exception cref="ObjectDisposedException">The data folder is closed.</exception>
    public async ValueTask<T> RunAsync<T>(string name, Func<T> call, CancellationToken cancellationToken)
    {
        await AdmitAsync(cancellationToken).ConfigureAwait(false);
        var operation = new CallOperation<T>(this, call);
        Add(name, operation);
        return await operation.Task.ConfigureAwait(false);
    }

    /// <summary>Admits one operation at once, when there is room.</summary>
    public bool TryAdmit()
    {
        ObjectDisposedException.ThrowIf(_closed, typeof(FileLanes));
        return _admission.Wait(0) && IsOpen();
    }

    /// <summary>Waits, without holding a thread, until one operation is admitted.</summary>
    public async ValueTask AdmitAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (TryAdmit())
            return;
        await _admission.WaitAsync(cancellationToken).ConfigureAwait(false);
        IsOpen();
    }

    /// <summary>Gives back the room of an admitted operation.</summary>
    public void Release() => _admission.Release();

    /// <summary>Adds an admitted operation to the name's lane.</summary>
    public void Add(string name, FileOperation operation)
    {
        var lane = LaneOf(name);
        if (lane.Add(operation))
            _threads.Schedule(lane);
    }

    /// <summary>
    /// Lets a caller run an admitted operation on its own thread, if the name's lane is idle, and no more than
    /// <see cref="FileStoreLimits.CallersOnDiskMax"/> threads of callers are on the disk then.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <returns>The lane, which is this caller's until <see cref="Leave"/>; null when the operation is to be added.</returns>
    public FileLane? TryEnter(string name)
    {
        if (Interlocked.Increment(ref _callersOnDisk) <= FileStoreLimits.CallersOnDiskMax && LaneOf(name) is var lane && lane.TryEnter())
            return lane;
        Interlocked.Decrement(ref _callersOnDisk);
        return null;
    }

    /// <summary>Gives back a lane of <see cref="TryEnter"/>. Operations that have come meanwhile run on the disk threads.</summary>
    public void Leave(FileLane lane)
    {
        Interlocked.Decrement(ref _callersOnDisk);
        if (lane.Leave())
            _threads.Schedule(lane);
    }

    /// <summary>Takes no more operations, and runs those that wait.</summary>
    public void Dispose()
    {
        if (_closed)
            return;
        _closed = true;

        // The operations that were admitted end first. Those that are admitted from here on see that the lanes are closed.
        for (var i = 0; i < FileStoreLimits.QueuedOperationsMax; i++)
            _admission.Wait();
        _threads.Dispose();
        _admission.Release(FileStoreLimits.QueuedOperationsMax);
    }

    private FileLane LaneOf(string name) => _lanes[(uint)name.GetHashCode(StringComparison.Ordinal) % (uint)_lanes.Length];

    private bool IsOpen()
    {
        if (!_closed)
            return true;
        _admission.Release();
        throw new ObjectDisposedException(nameof(FileLanes));
    }

    private sealed class CallOperation<T>(FileLanes lanes, Func<T> call) : FileOperation
    {
        private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<T> Task => _completion.Task;

        public override void Run()
        {
            try
            {
                _completion.SetResult(call());
            }
            catch (Exception exception)
            {
                _completion.SetException(exception);
            }
            finally
            {
                lanes.Release();
            }
        }
    }
}
