using OrleansStream.Errors;

namespace OrleansStream.Gateway.Reading;

/// <summary>Repeats a read when a server died during it, so that another server answers it.</summary>
/// <param name="time">Times repeats, and the pauses between them.</param>
public sealed class LostReads(TimeProvider time)
{
    /// <summary>Reads, and reads again while the call is lost, until <see cref="ReadingLimits.LostReadRepeatMax"/> has passed.</summary>
    /// <param name="read">The read, which must change nothing.</param>
    /// <param name="cancellationToken">Ends the repetition.</param>
    /// <exception cref="OrleansException">The call was lost each time.</exception>
    /// <exception cref="OperationCanceledException">Its server gave it up each time, or the token was cancelled.</exception>
    public async ValueTask<T> RepeatAsync<T>(Func<ValueTask<T>> read, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await read();
            }
            // A call that had no answer in time has taken as long as a caller waits.
            catch (Exception e) when (e is not TimeoutException && LostCalls.IsLost(e, cancellationToken)
                && time.GetElapsedTime(startedAt) < ReadingLimits.LostReadRepeatMax)
            {
            }

            await Task.Delay(ReadingLimits.LostReadPause, time, cancellationToken);
        }
    }
}
