using OrleansStream.Errors;
using OrleansStream.Randomness;

namespace OrleansStream.Gateway.Appending;

/// <summary>
/// The one policy by which appends are tried again, and what they need before they begin: which failures, after which pauses, for how long.
/// </summary>
/// <remarks>
/// Grains try no append again: a partition's answer comes back here, and the whole request is sent again with what is settled of it
/// (<see cref="RecordsAppender"/>). The pauses grow as those of Kafka's clients do (KIP-580): twice as long each time up to a bound, and each of a
/// random length within 20 % of that, so that requests which failed together do not come back together.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="timeout">How long it is tried.</param>
/// <param name="random">Where the jitter comes from; null for <see cref="RandomSource.System"/>.</param>
internal struct AppendRetry(TimeProvider time, TimeSpan timeout, RandomSource? random = null)
{
    private readonly RandomSource _random = random ?? RandomSource.System;
    private readonly long _startedAt = time.GetTimestamp();
    private int _pauses;

    /// <summary>The time that is left, in whole milliseconds.</summary>
    public readonly int LeftMs => (int)Math.Max(0, (timeout - time.GetElapsedTime(_startedAt)).TotalMilliseconds);

    /// <summary>Whether a failed append may succeed when the very same is sent again, and is stored once then.</summary>
    /// <param name="error">The failure.</param>
    /// <param name="hasIdentity">True when the append has an identity, by which its partition knows what it has stored of it.</param>
    public static bool IsRepeated(StreamError error, bool hasIdentity) => error.Code switch
    {
        StreamErrorCode.NotLeaderOrFollower => hasIdentity || !error.OutcomeUnknown,
        StreamErrorCode.RequestTimedOut or StreamErrorCode.KafkaStorageError or StreamErrorCode.ThrottlingQuotaExceeded =>
            hasIdentity && error.OutcomeUnknown,
        _ => false,
    };

    /// <summary>Whether a call was lost: its server may just have gone, and another takes its work over.</summary>
    /// <param name="exception">What the call threw.</param>
    public static bool IsLost(Exception exception) => exception is OrleansException or TimeoutException;

    /// <summary>Calls until there is an answer or the time is over, for calls that may be made twice.</summary>
    /// <typeparam name="T">The answer.</typeparam>
    /// <param name="time">The clock.</param>
    /// <param name="timeout">How long it is tried.</param>
    /// <param name="call">Calls once.</param>
    /// <exception cref="StreamException">The last call was refused.</exception>
    /// <exception cref="OrleansException">The last call was lost.</exception>
    /// <exception cref="TimeoutException">As above.</exception>
    public static async Task<T> CallAsync<T>(TimeProvider time, TimeSpan timeout, Func<Task<T>> call)
    {
        var retry = new AppendRetry(time, timeout);
        while (true)
        {
            TimeSpan pause;
            try
            {
                return await call();
            }
            catch (Exception e) when ((IsLost(e) || e is StreamException) && retry.TryNext(out pause))
            {
            }

            await Task.Delay(pause, time);
        }
    }

    /// <summary>Begins the next pause.</summary>
    /// <param name="pause">How long to wait before the next try.</param>
    /// <returns>False when the time would be over then.</returns>
    public bool TryNext(out TimeSpan pause)
    {
        var doubled = AppendingLimits.RetryBackoff * Math.Pow(2, Math.Min(_pauses++, 30));
        var longest = doubled < AppendingLimits.RetryBackoffMax ? doubled : AppendingLimits.RetryBackoffMax;
        pause = longest * (1 + (AppendingLimits.RetryJitter * ((2 * _random.NextDouble()) - 1)));
        return pause.TotalMilliseconds < LeftMs;
    }
}
