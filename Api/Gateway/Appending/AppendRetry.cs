using OrleansStream.Errors;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// The one policy for repeating appends and the calls that prepare them: which failures are repeated, after which pauses, and for how long.
/// </summary>
/// <remarks>
/// A router and a partition repeat no append; only copies of records that failed in a group are repeated by the group. <see cref="RecordsAppender"/>
/// gets the partitions' answers and sends the whole request again, with the outcomes that are known already. The pauses are those of Kafka's clients
/// (KIP-580): each is twice as long as the last one, up to a bound, and up to 20 % longer or shorter at random, so that requests which failed
/// together do not return together.
/// </remarks>
/// <param name="time">Times the tries, and the pauses between them.</param>
/// <param name="timeout">The longest time from the first try to the end of the last pause.</param>
/// <param name="random">Where the jitter comes from; null for <see cref="RandomSource.System"/>.</param>
internal struct AppendRetry(TimeProvider time, TimeSpan timeout, RandomSource? random = null)
{
    private readonly RandomSource _random = random ?? RandomSource.System;
    private readonly long _startedAt = time.GetTimestamp();
    private int _pauses;

    /// <summary>The time that is left, in whole milliseconds.</summary>
    public readonly int LeftMs => (int)Math.Max(0, (timeout - time.GetElapsedTime(_startedAt)).TotalMilliseconds);

    /// <summary>Whether a failed append may succeed when it is sent again unchanged, without being stored twice.</summary>
    /// <param name="error">The failure.</param>
    /// <param name="hasIdentity">True when the append has an identity, by which its partition recognizes what it has stored already.</param>
    public static bool IsRepeated(StreamError error, bool hasIdentity) => error.Code switch
    {
        StreamErrorCode.NotLeaderOrFollower => hasIdentity || !error.OutcomeUnknown,
        StreamErrorCode.RequestTimedOut or StreamErrorCode.KafkaStorageError or StreamErrorCode.ThrottlingQuotaExceeded =>
            hasIdentity && error.OutcomeUnknown,
        _ => false,
    };

    /// <summary>Repeats a call until it is answered or the time is over. The call must be safe to make twice.</summary>
    /// <typeparam name="T">The answer.</typeparam>
    /// <param name="time">Times the tries, and the pauses between them.</param>
    /// <param name="timeout">How long it is tried.</param>
    /// <param name="random">Where the jitter comes from; null for <see cref="RandomSource.System"/>.</param>
    /// <param name="call">Calls once.</param>
    /// <exception cref="StreamException">The last call was refused.</exception>
    /// <exception cref="OrleansException">The last call was lost.</exception>
    /// <exception cref="TimeoutException">The last call had no answer in time.</exception>
    /// <exception cref="OperationCanceledException">The last call's server gave it up.</exception>
    public static async Task<T> CallAsync<T>(TimeProvider time, TimeSpan timeout, RandomSource? random, Func<Task<T>> call)
    {
        var retry = new AppendRetry(time, timeout, random);
        while (true)
        {
            TimeSpan pause;
            try
            {
                return await call();
            }
            catch (Exception e) when ((LostCalls.IsLost(e) || e is StreamException) && retry.TryNext(out pause))
            {
            }

            await Task.Delay(pause, time);
        }
    }

    /// <summary>Begins the next pause.</summary>
    /// <param name="pause">How long to wait before the next try.</param>
    /// <returns>False when the time would be over at the end of the pause.</returns>
    public bool TryNext(out TimeSpan pause)
    {
        var doubled = AppendingLimits.RetryBackoff * Math.Pow(2, Math.Min(_pauses++, 30));
        var longest = doubled < AppendingLimits.RetryBackoffMax ? doubled : AppendingLimits.RetryBackoffMax;
        pause = longest * (1 + (AppendingLimits.RetryJitter * ((2 * _random.NextDouble()) - 1)));
        return pause.TotalMilliseconds < LeftMs;
    }
}
