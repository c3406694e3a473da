namespace OrleansStream.Storage.Files.Disk;

/// <summary>
/// A fixed count of threads for calls that block on the disk, so that the thread pool never waits for a disk.
/// </summary>
/// <remarks>The queue holds lanes, each at most once, so the count of lanes bounds it.</remarks>
internal sealed class FileThreads : IDisposable
{
    private readonly Lock _lifetime = new();
    private readonly object _gate = new();
    private readonly Queue<FileLane> _ready = new();
    private readonly Thread[] _threads;
    private bool _stopping;

    /// <summary>Starts the threads.</summary>
    /// <param name="name">Names them for a debugger.</param>
    /// <param name="count">The count of threads.</param>
    public FileThreads(string name, int count)
    {
        _threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"{name} {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Has a thread run the lane's next operation.</summary>
    public void Schedule(FileLane lane)
    {
        lock (_gate)
        {
            _ready.Enqueue(lane);
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Runs the queued operations, then ends the threads.</summary>
    public void Dispose()
    {
        lock (_lifetime)
        {
            lock (_gate)
            {
                _stopping = true;
                Monitor.PulseAll(_gate);
            }

            foreach (var thread in _threads)
                thread.Join();
        }
    }

    private void Run()
    {
        while (Take() is { } lane)
        {
            // One operation a turn: a busy lane goes to the back of the queue, and so cannot starve the others.
            if (lane.RunNext())
                Schedule(lane);
        }
    }

    private FileLane? Take()
    {
        lock (_gate)
        {
            while (_ready.Count == 0)
            {
                if (_stopping)
                    return null;
                Monitor.Wait(_gate);
            }

            return _ready.Dequeue();
        }
    }
}
