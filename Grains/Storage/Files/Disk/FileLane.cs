namespace OrleansStream.Storage.Files.Disk;

/// <summary>Operations that run one after another, in the order they came, on whichever thread is free.</summary>
internal sealed class FileLane
{
    private readonly Lock _gate = new();
    private readonly Queue<FileOperation> _operations = new();
    private bool _scheduled;

    /// <summary>Adds an operation behind those that wait.</summary>
    /// <returns>True when the lane must be scheduled.</returns>
    public bool Add(FileOperation operation)
    {
        lock (_gate)
        {
            _operations.Enqueue(operation);
            if (_scheduled)
                return false;
            return _scheduled = true;
        }
    }

    /// <summary>Takes the lane for an operation that its caller runs by itself, if no other one runs or waits.</summary>
    /// <returns>True when it was taken; <see cref="Leave"/> gives it back.</returns>
    public bool TryEnter()
    {
        lock (_gate)
            return !_scheduled && (_scheduled = true);
    }

    /// <summary>Gives the lane back after <see cref="TryEnter"/>.</summary>
    /// <returns>True when operations have come meanwhile: the lane must be scheduled.</returns>
    public bool Leave()
    {
        lock (_gate)
            return _scheduled = _operations.Count > 0;
    }

    /// <summary>Runs the next operation.</summary>
    /// <returns>True when more wait.</returns>
    public bool RunNext()
    {
        FileOperation operation;
        lock (_gate)
            operation = _operations.Dequeue();
        operation.Run();
        return Leave();
    }
}

/// <summary>One call that blocks on the disk.</summary>
internal abstract class FileOperation
{
    /// <summary>Runs it and completes its task; never throws.</summary>
    public abstract void Run();
}
