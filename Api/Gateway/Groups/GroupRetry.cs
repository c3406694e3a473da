using OrleansStream.Errors;

namespace OrleansStream.Gateway.Groups;

/// <summary>Repeats calls to a group while it moves, because its server died or gave it up.</summary>
internal static class GroupRetry
{
    /// <summary>Makes a call that may be repeated, and repeats it for as long as a group may take to move.</summary>
    /// <typeparam name="T">The type of the answer.</typeparam>
    /// <param name="time">Times the tries and the waits between them.</param>
    /// <param name="patience">How long a failed call is repeated, from the first try on.</param>
    /// <param name="callMax">How long one try may take. It is lost with a server, perhaps, and is repeated.</param>
    /// <param name="call">Makes the call.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="StreamException">The group refused, or it was still moving when the time was over.</exception>
    /// <exception cref="OrleansException">The last try was lost.</exception>
    /// <exception cref="TimeoutException">The last try had no answer in time.</exception>
    public static async Task<T> CallAsync<T>(
        TimeProvider time, TimeSpan patience, TimeSpan callMax, Func<Task<T>> call, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            try
            {
                return await call().WaitAsync(callMax, time, cancellationToken);
            }
            catch (Exception exception) when (IsMoving(exception, cancellationToken) && time.GetElapsedTime(started) < patience)
            {
                await Task.Delay(PollLimits.PollMoveRetry, time, cancellationToken);
            }
        }
    }

    /// <summary>True for what says that a group, or what it needs, is just moving: it is asked again.</summary>
    /// <param name="exception">What a call of a group threw.</param>
    /// <param name="cancellationToken">The token by which the caller may have cancelled it.</param>
    public static bool IsMoving(Exception exception, CancellationToken cancellationToken) => LostCalls.IsLost(exception, cancellationToken)
        || exception is StreamException { Error.Code: StreamErrorCode.CoordinatorNotAvailable or StreamErrorCode.NotLeaderOrFollower };
}
