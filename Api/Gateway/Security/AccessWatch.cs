using System.Collections.Concurrent;
using OrleansStream.Errors;

namespace OrleansStream.Gateway.Security;

/// <summary>
/// Watches the right of a caller that waits for something. The watch cancels its <see cref="Token"/> when the caller loses the right, its key is
/// revoked, or its sign-in expires, so that the wait need not end by itself.
/// </summary>
/// <remarks>
/// A node checks its open watches each time that it has asked for keys and rights, every
/// <see cref="OrleansStream.Security.AccessLimits.RefreshPeriod"/>. So a wait ends within 10 s after the revocation, as a new request is refused
/// then. Safe for any thread. Dispose it when the wait is over.
/// </remarks>
public sealed class AccessWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<AccessWatch, bool>? _open;
    private readonly Func<StreamError?>? _findEnd;
    private readonly Func<StreamError?>? _findRefusal;
    private readonly CancellationTokenSource? _ended;
    private object? _checkedRules;
    private bool _isDisposed;

    /// <summary>Creates a watch where nobody signs in: it never refuses.</summary>
    /// <param name="cancellationToken">The token of the wait.</param>
    internal AccessWatch(CancellationToken cancellationToken) => Token = cancellationToken;

    /// <summary>Opens a watch, and checks it.</summary>
    /// <param name="open">The open watches, which this one joins until it is disposed.</param>
    /// <param name="findEnd">Finds out whether the caller's sign-in has ended. It is called at each check.</param>
    /// <param name="findRefusal">Finds out whether the caller lacks a right. It is called when the keys and rights have changed.</param>
    /// <param name="rules">The current keys and rights.</param>
    /// <param name="cancellationToken">Ends the wait, too.</param>
    internal AccessWatch(
        ConcurrentDictionary<AccessWatch, bool> open, Func<StreamError?> findEnd, Func<StreamError?> findRefusal, object? rules,
        CancellationToken cancellationToken)
    {
        (_open, _findEnd, _findRefusal) = (open, findEnd, findRefusal);
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Token = _ended.Token;
        // First open, then checked: a change in between is found by one of the two.
        open.TryAdd(this, true);
        Check(rules);
    }

    /// <summary>Is cancelled when the caller may not go on, or the wait's own token is cancelled.</summary>
    public CancellationToken Token { get; }

    /// <summary>Why the caller may not go on; null while it may.</summary>
    public StreamError? Refusal { get; private set; }

    /// <summary>Checks the right now, and not only with the next change.</summary>
    /// <exception cref="StreamException">The caller may not go on: <see cref="Refusal"/>.</exception>
    public void ThrowIfRefused()
    {
        CheckAll();
        if (Refusal is { } refusal)
            throw new StreamException(refusal);
    }

    /// <summary>Runs a wait. Its result is returned only to a caller that has the right then, too.</summary>
    /// <typeparam name="T">The type of the result.</typeparam>
    /// <param name="wait">Waits; the token is <see cref="Token"/>.</param>
    /// <exception cref="StreamException">The caller may not go on: <see cref="Refusal"/>.</exception>
    public async ValueTask<T> RunAsync<T>(Func<CancellationToken, ValueTask<T>> wait)
    {
        ThrowIfRefused();
        try
        {
            var result = await wait(Token);
            ThrowIfRefused();
            return result;
        }
        catch (OperationCanceledException) when (Refusal is not null)
        {
            throw new StreamException(Refusal);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _open?.TryRemove(this, out _);
        lock (_gate)
        {
            _isDisposed = true;
            _ended?.Dispose();
        }
    }

    /// <summary>Checks the sign-in, and the right if the keys and rights have changed since the last check.</summary>
    /// <param name="rules">The current keys and rights.</param>
    internal void Check(object? rules)
    {
        if (Refusal is not null)
            return;
        var refusal = _findEnd?.Invoke();
        if (refusal is null && !ReferenceEquals(rules, _checkedRules))
            refusal = _findRefusal?.Invoke();
        _checkedRules = rules;
        if (refusal is not null)
            End(refusal);
    }

    private void CheckAll()
    {
        if (Refusal is null && (_findEnd?.Invoke() ?? _findRefusal?.Invoke()) is { } refusal)
            End(refusal);
    }

    private void End(StreamError refusal)
    {
        lock (_gate)
        {
            Refusal = refusal;
            // Asynchronously: whoever waits goes on in the cancellation, and must not hold up the check of the others.
            if (!_isDisposed)
                _ = _ended!.CancelAsync();
        }
    }
}
