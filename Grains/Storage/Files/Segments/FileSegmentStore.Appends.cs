using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using OrleansStream.Storage.Files.Disk;

namespace OrleansStream.Storage.Files.Segments;

/// <summary>
/// Appends: each waits in its segment's lane for a disk thread, which writes and syncs it. A caller may do so by itself where no other waits.
/// </summary>
public sealed partial class FileSegmentStore
{
    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, expectedPosition, bytes.Length, Limits);
        return EnqueueAsync(name, expectedPosition, bytes, cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendHereAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, expectedPosition, bytes.Length, Limits);
        cancellationToken.ThrowIfCancellationRequested();
        if (!_flushes.TryAdmit())
            return AdmitAndEnqueueAsync(name, expectedPosition, bytes, cancellationToken);
        if (_flushes.TryEnter(name) is not { } lane)
            return Enqueue(name, expectedPosition, bytes);
        try
        {
            return ValueTask.FromResult(Append(name, expectedPosition, bytes.Span));
        }
        finally
        {
            _flushes.Leave(lane);
            _flushes.Release();
        }
    }

    /// <inheritdoc/>
    public ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        StoreNames.CheckAppend(name, 0, bytes.Length, Limits);
        return EnqueueAsync(name, null, bytes, cancellationToken);
    }

    private ValueTask<AppendOutcome> EnqueueAsync(
        string name, long? expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _flushes.TryAdmit()
            ? Enqueue(name, expectedPosition, bytes)
            : AdmitAndEnqueueAsync(name, expectedPosition, bytes, cancellationToken);
    }

    private async ValueTask<AppendOutcome> AdmitAndEnqueueAsync(
        string name, long? expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await _flushes.AdmitAsync(cancellationToken).ConfigureAwait(false);
        return await Enqueue(name, expectedPosition, bytes).ConfigureAwait(false);
    }

    private ValueTask<AppendOutcome> Enqueue(string name, long? expectedPosition, ReadOnlyMemory<byte> bytes)
    {
        var operation = AppendOperation.Rent(this, name, expectedPosition, bytes);
        var outcome = operation.Task;
        _flushes.Add(name, operation);
        return outcome;
    }

    /// <summary>Runs an append. Called on the segment's lane only.</summary>
    private AppendOutcome Append(string name, long? expectedPosition, ReadOnlySpan<byte> bytes)
    {
        try
        {
            if (Find(name) is not { } segment)
                return new(AppendStatus.NotFound, -1);
            var handles = _handles.Rent(segment);
            try
            {
                return segment.Append(handles, expectedPosition, bytes);
            }
            finally
            {
                _handles.Return(handles);
            }
        }
        catch (Exception exception) when (FileErrors.IsFileError(exception))
        {
            // The files could not even be opened, so nothing was written.
            throw Unavailable(name, exception);
        }
    }

    /// <summary>One append on its way to the disk. Instances are reused, so that steady appending allocates nothing for them.</summary>
    private sealed class AppendOperation : FileOperation, IValueTaskSource<AppendOutcome>
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
                store._flushes.Release();
                _core.SetResult(outcome);
            }
            catch (Exception exception)
            {
                store._flushes.Release();
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
}
