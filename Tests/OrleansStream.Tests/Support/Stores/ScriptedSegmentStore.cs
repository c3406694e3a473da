using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A segment store that does as told with the next appends, and as its inner store else.</summary>
internal sealed class ScriptedSegmentStore(ISegmentStore inner) : ISegmentStore
{
    private readonly Queue<Func<AppendCall, ValueTask<AppendOutcome>>> _script = new();

    public SegmentStoreLimits Limits { get; init; } = inner.Limits;

    public StoreStop? Stop { get; set; }

    /// <summary>Every conditional append that was asked for, in order.</summary>
    public List<AppendCall> Appends { get; } = [];

    public List<string> Created { get; } = [];

    public List<string> Deleted { get; } = [];

    public List<string> Sealed { get; } = [];

    public int ReadCount { get; private set; }

    /// <summary>The count of reads that fail next.</summary>
    public int ReadsToFail { get; set; }

    /// <summary>
    /// What a read answers from: the length, in bytes, that the segment is taken to have; null for what it has. Asked at each read.
    /// </summary>
    public Func<long?> StaleLength { get; set; } = () => null;

    /// <summary>Thrown by the next creations until taken away.</summary>
    public Exception? CreateFailure { get; set; }

    /// <summary>Runs once before the next fence of a takeover.</summary>
    public Func<Task>? BeforeFence { get; set; }

    /// <summary>Runs before each deletion.</summary>
    public Func<string, Task>? BeforeDelete { get; set; }

    public int ScriptLeft => _script.Count;

    /// <summary>The next append waits until it is released.</summary>
    public HeldAppend Hold()
    {
        var held = new HeldAppend();
        _script.Enqueue(async call =>
        {
            held.Arrive(call);
            return await held.Released is { } status ? new AppendOutcome(status, -1) : await ApplyAsync(call);
        });
        return held;
    }

    public void LoseRequest(int times = 1) => Answer(AppendStatus.Unknown, times);

    public void LoseReply() => _script.Enqueue(async call =>
    {
        await ApplyAsync(call);
        return new AppendOutcome(AppendStatus.Unknown, -1);
    });

    /// <summary>The next append is lost on its way and takes effect when the result is called.</summary>
    public Func<Task<AppendStatus>> Delay()
    {
        AppendCall? late = null;
        _script.Enqueue(call =>
        {
            late = call;
            return new(new AppendOutcome(AppendStatus.Unknown, -1));
        });
        return async () => (await ApplyAsync(late ?? throw new InvalidOperationException("Nothing was delayed."))).Status;
    }

    /// <summary>The next appends are answered so, and do nothing.</summary>
    public void Answer(AppendStatus status, int times = 1)
    {
        for (var i = 0; i < times; i++)
            _script.Enqueue(_ => new(new AppendOutcome(status, -1)));
    }

    /// <summary>Before the next append something else happens; then the append is tried.</summary>
    public void Before(Func<Task> something) => _script.Enqueue(async call =>
    {
        await something();
        return await ApplyAsync(call);
    });

    /// <summary>The next append fails with an exception that the contract does not know.</summary>
    public void Throw(Exception exception) => _script.Enqueue(_ => throw exception);

    public void Pass(int times = 1)
    {
        for (var i = 0; i < times; i++)
            _script.Enqueue(ApplyAsync);
    }

    public ValueTask<AppendOutcome> AppendAsync(
        string name, long expectedPosition, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        var call = new AppendCall(name, expectedPosition, bytes.ToArray());
        Appends.Add(call);
        return _script.TryDequeue(out var act) ? act(call) : ApplyAsync(call);
    }

    public async ValueTask<AppendOutcome> AppendAnywhereAsync(
        string name, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        if (BeforeFence is { } before)
        {
            BeforeFence = null;
            await before();
        }

        try
        {
            return await ChangeAsync(() => inner.AppendAnywhereAsync(name, bytes, cancellationToken));
        }
        catch (StoreUnavailableException)
        {
            return new AppendOutcome(AppendStatus.Unknown, -1);
        }
    }

    public ValueTask<bool> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        if (CreateFailure is { } failure)
            throw failure;

        Created.Add(name);
        return ChangeAsync(() => inner.CreateAsync(name, cancellationToken));
    }

    public async ValueTask SealAsync(string name, CancellationToken cancellationToken = default)
    {
        Sealed.Add(name);
        await ChangeAsync(async () =>
        {
            await inner.SealAsync(name, cancellationToken);
            return true;
        });
    }

    public async ValueTask<int> ReadAsync(
        string name, long position, Memory<byte> destination, CancellationToken cancellationToken = default)
    {
        ReadCount++;
        Stop?.ThrowWhenStopped();
        if (ReadsToFail-- > 0)
            throw new StoreUnavailableException("A read fails.");

        var read = await inner.ReadAsync(name, position, destination, cancellationToken);
        return StaleLength() is { } length ? (int)Math.Clamp(length - position, 0, read) : read;
    }

    public ValueTask<SegmentExtent?> GetExtentAsync(string name, CancellationToken cancellationToken = default)
    {
        Stop?.ThrowWhenStopped();
        return inner.GetExtentAsync(name, cancellationToken);
    }

    public ValueTask<SegmentExtent> SettleAsync(string name, long length, CancellationToken cancellationToken = default) =>
        ChangeAsync(() => inner.SettleAsync(name, length, cancellationToken));

    public IAsyncEnumerable<SegmentInfo> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        Stop?.ThrowWhenStopped();
        return inner.ListAsync(prefix, cancellationToken);
    }

    public async ValueTask DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        if (BeforeDelete is { } before)
            await before(name);

        Deleted.Add(name);
        await ChangeAsync(async () =>
        {
            await inner.DeleteAsync(name, cancellationToken);
            return true;
        });
    }

    private async ValueTask<AppendOutcome> ApplyAsync(AppendCall call)
    {
        try
        {
            return await ChangeAsync(() => inner.AppendAsync(call.Name, call.Position, call.Bytes));
        }
        catch (StoreUnavailableException)
        {
            return new AppendOutcome(AppendStatus.Unknown, -1);
        }
    }

    private ValueTask<T> ChangeAsync<T>(Func<ValueTask<T>> call) => Stop is { } stop ? stop.RunAsync(call) : call();
}

/// <summary>A conditional append that was asked for.</summary>
internal sealed record AppendCall(string Name, long Position, byte[] Bytes);

/// <summary>An append that has arrived at the store and waits there.</summary>
internal sealed class HeldAppend
{
    private readonly TaskCompletionSource<AppendStatus?> _released = new();

    public AppendCall? Call { get; private set; }

    public bool HasArrived => Call is not null;

    public Task<AppendStatus?> Released => _released.Task;

    public void Arrive(AppendCall call) => Call = call;

    /// <summary>Lets it take effect; what waited for it runs on within this call.</summary>
    public void Release() => _released.SetResult(null);

    /// <summary>Ends it so, without effect.</summary>
    public void ReleaseAs(AppendStatus status) => _released.SetResult(status);
}
