using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;

namespace OrleansStream.Storage.Files;

/// <summary>One append on its way to the disk and back. Reused, so that a steady log allocates nothing for it.</summary>
internal sealed class AppendOperation : FileOperation, IValueTaskSource<AppendOutcome>
{
    private static readonly ConcurrentQueue<AppendOperation> Unused = new();

    // A continuation runs on the flush thread: it is the log's writer, which queues its next append at once. Going through the thread
    // pool and back would be two changes of thread in each group commit.
    private ManualResetValueTaskSourceCore<AppendOutcome> _core;
    private FileSegmentStore? _store;
    private string? _name;
    private long? _expectedPosition;
    private ReadOnlyMemory<byte> _bytes;

    private AppendOperation()
    {
    }

    /// <summary>The outcome; to be awaited once.</summary>
    public ValueTask<AppendOutcome> Task => new(this, _core.Version);

    /// <summary>Takes an operation that nobody uses. There are never more than are admitted at once.</summary>
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
        AppendOutcome outcome = default;
        Exception? failure = null;
        try
        {
            outcome = store.Append(_name!, _expectedPosition, _bytes.Span);
        }
        catch (Exception exception)
        {
            failure = exception;
        }

        store.Release();
        if (failure is null)
            _core.SetResult(outcome);
        else
            _core.SetException(failure);
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
