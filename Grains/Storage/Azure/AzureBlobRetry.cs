using OrleansStream.Randomness;

namespace OrleansStream.Storage.Azure;

/// <summary>
/// Repeats calls that may be repeated. The SDK's own retries are off, because they would append a block twice, or report the effect of a conditional
/// write's own first try as a conflict.
/// </summary>
/// <param name="timeProvider">The clock for the waits.</param>
/// <param name="backoffMin">The first wait.</param>
/// <param name="random">Where the jitter of the waits comes from.</param>
internal sealed class AzureBlobRetry(TimeProvider timeProvider, TimeSpan backoffMin, RandomSource random)
{
    /// <summary>One try of a call.</summary>
    /// <typeparam name="T">The type of its result.</typeparam>
    /// <param name="mayBeDone">True when an earlier try may have taken effect.</param>
    /// <param name="cancellationToken">Cancels the try.</param>
    public delegate Task<T> Call<T>(bool mayBeDone, CancellationToken cancellationToken);

    /// <summary>Reads. It may be cancelled at any time.</summary>
    /// <exception cref="StoreUnavailableException">No try got an answer.</exception>
    public ValueTask<T> ReadAsync<T>(string what, Call<T> call, CancellationToken cancellationToken) =>
        RunAsync(what, call, isWrite: false, cancellationToken);

    /// <summary>Makes a change that may be repeated. A cancellation after it was sent leaves the outcome unknown.</summary>
    /// <exception cref="StoreUnavailableException">No try got an answer.</exception>
    public ValueTask<T> WriteAsync<T>(string what, Call<T> call, CancellationToken cancellationToken) =>
        RunAsync(what, call, isWrite: true, cancellationToken);

    private async ValueTask<T> RunAsync<T>(
        string what, Call<T> call, bool isWrite, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var mayBeDone = false;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call(mayBeDone, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception exception) when (AzureBlobErrors.IsStoreError(exception))
            {
                if (cancellationToken.IsCancellationRequested && !isWrite)
                    throw new OperationCanceledException(cancellationToken);
                if (cancellationToken.IsCancellationRequested
                    || attempt == AzureBlobLimits.AttemptCountMax
                    || !MayHelp(exception, isWrite))
                {
                    throw Unavailable(what, exception);
                }

                mayBeDone |= !AzureBlobErrors.IsThrottled(exception);
                await DelayAsync(what, attempt, exception, isWrite, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    // The SDK itself resumes a broken download, for the version that it began with. When that version is gone, the read starts again.
    private static bool MayHelp(Exception exception, bool isWrite) =>
        AzureBlobErrors.IsTransient(exception) || (!isWrite && AzureBlobErrors.IsConflict(exception));

    private static StoreUnavailableException Unavailable(string what, Exception exception)
    {
        // Azure's message contains the whole response. Its first line has the reason.
        var reason = exception.Message.AsSpan();
        var end = reason.IndexOfAny('\r', '\n');
        return new($"Could not {what}: {(end < 0 ? reason : reason[..end])}", exception);
    }

    private async Task DelayAsync(
        string what, int attempt, Exception exception, bool isWrite, CancellationToken cancellationToken)
    {
        var backoff = backoffMin * Math.Pow(2, attempt - 1) * (1 + (random.NextDouble() / 2));
        var delay = AzureBlobErrors.GetRetryAfter(exception) is { } asked && asked > backoff ? asked : backoff;
        try
        {
            await Task.Delay(delay < AzureBlobLimits.BackoffMax ? delay : AzureBlobLimits.BackoffMax, timeProvider, cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (isWrite)
        {
            throw Unavailable(what, exception);
        }
    }
}
