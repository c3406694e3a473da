using OrleansStream.Storage;

namespace OrleansStream.Tests.Support.Stores;

/// <summary>A document store that fails as told, and is its inner store else.</summary>
internal sealed class ScriptedDocumentStore(IDocumentStore inner) : IDocumentStore
{
    public StoreStop? Stop { get; set; }

    public int ReadCount { get; private set; }

    public List<string> Written { get; } = [];

    /// <summary>The count of writes that are lost next: they do nothing, and their outcome is not known.</summary>
    public int WritesToLose { get; set; }

    /// <summary>The count of writes that take effect next without anybody being told.</summary>
    public int RepliesToLose { get; set; }

    /// <summary>The count of reads that fail next.</summary>
    public int ReadsToFail { get; set; }

    /// <summary>True when reads end only by their cancellation.</summary>
    public bool HangsUntilCanceled { get; set; }

    /// <summary>Runs before each write.</summary>
    public Func<string, Task>? BeforeWrite { get; set; }

    public Exception? WriteFailure { get; set; }

    public async ValueTask<Document?> ReadAsync(string name, CancellationToken cancellationToken = default)
    {
        ReadCount++;
        Stop?.ThrowWhenStopped();
        if (HangsUntilCanceled)
            await new TaskCompletionSource().Task.WaitAsync(cancellationToken);
        return ReadsToFail-- > 0
            ? throw new StoreUnavailableException("A read fails.")
            : await inner.ReadAsync(name, cancellationToken);
    }

    public async ValueTask<string?> WriteAsync(
        string name, ReadOnlyMemory<byte> bytes, string? expectedETag, CancellationToken cancellationToken = default)
    {
        if (BeforeWrite is { } before)
            await before(name);

        if (WriteFailure is { } failure)
            throw failure;

        Written.Add(name);
        if (WritesToLose-- > 0)
            throw new StoreUnavailableException("The request is lost.");

        var etag = await ChangeAsync(() => inner.WriteAsync(name, bytes, expectedETag, cancellationToken));
        return RepliesToLose-- > 0 ? throw new StoreUnavailableException("The reply is lost.") : etag;
    }

    public ValueTask<bool> DeleteAsync(string name, string? expectedETag, CancellationToken cancellationToken = default) =>
        ChangeAsync(() => inner.DeleteAsync(name, expectedETag, cancellationToken));

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken = default)
    {
        Stop?.ThrowWhenStopped();
        return inner.ListAsync(prefix, cancellationToken);
    }

    private ValueTask<T> ChangeAsync<T>(Func<ValueTask<T>> call) => Stop is { } stop ? stop.RunAsync(call) : call();
}
