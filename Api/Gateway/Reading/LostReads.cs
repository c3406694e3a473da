namespace OrleansStream.Gateway.Reading;

/// <summary>Repeats a read when a server died under it: another one answers it.</summary>
/// <param name="time">The clock.</param>
public sealed class LostReads(TimeProvider time)
{
    /// <summary>Reads, and reads again while the call is lost, until <see cref="ReadingLimits.LostReadRepeatMax"/> has passed.</summary>
    /// <param name="read">Reads, and changes nothing.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="OrleansException">The call was lost each time.</exception>
    public async ValueTask<T> RepeatAsync<T>(Func<ValueTask<T>> read, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await read();
            }
            catch (OrleansException) when (time.GetElapsedTime(startedAt) < ReadingLimits.LostReadRepeatMax)
            {
            }

            await Task.Delay(ReadingLimits.LostReadPause, time, cancellationToken);
        }
    }
}
