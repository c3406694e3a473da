using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>One append on its way to the disk. Instances are reused, so that steady appending allocates nothing for them.</summary>
internal sealed class AppendOperation : FileOperation, IValueTaskSource<AppendOutcome>
{
    private static readonly ConcurrentQueue<AppendOperation> Unused = new();

    // Continuations run on the thread pool, because a flush thread must never run a caller's code.
    private ManualResetValueTaskSourceCore<AppendOutcome> _core = new() { RunContinuationsAsynchronously = true };
    private FileSegmentStore? _store;
    private string? _name;
    private long? _expectedPosition;
    private ReadOnlyMemory<byte> _bytes;

    private AppendOperation()
    {
    }

    /// <summary>The outcome; await it once.</summary>
    public ValueTask<AppendOutcome> Task => new(this, _core.Version);

    /// <summary>Takes an unused operation, or makes one. There are never more than are admitted at once.</summary>
    public static AppendOperation Rent(
        FileSegmentStore store, string name, long? expectedPosition, ReadOnlyMemory<byte> bytes)
    {
        if (!Unused.TryDequeue(out var operation))
            operation = new AppendOperation();
        operation._store = store;
        operation._name = name;
        operation._expectedPosition = expectedPosition;
        operation._bytes = bytes;
        return operation;
    }

    /// <inheritdoc/>
    public override void Run()
    {
        var store = _store!;
        try
        {
            var outcome = store.Append(_name!, _expectedPosition, _bytes.Span);
            store.Release();
            _core.SetResult(outcome);
        }
        catch (Exception exception)
        {
            store.Release();
            _core.SetException(exception);
        }
    }

    AppendOutcome IValueTaskSource<AppendOutcome>.GetResult(short token)
    {
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            _core.Reset();
            _store = null;
            _name = null;
            _bytes = default;
            Unused.Enqueue(this);
        }
    }

    ValueTaskSourceStatus IValueTaskSource<AppendOutcome>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<AppendOutcome>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
