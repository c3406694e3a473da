namespace OrleansStream.Instrumentation;

/// <summary>Creates timers that outlive the request in which they are created.</summary>
/// <remarks>
/// A timer keeps the context in which it was created, with the request's span. So all that it ever calls would belong to the trace of that one
/// request.
/// </remarks>
public static class OutsideRequest
{
    /// <summary>Creates a timer whose callbacks run outside of the request.</summary>
    /// <param name="time">Makes the timer.</param>
    /// <param name="callback">Is called when it is due.</param>
    /// <param name="state">Given to the callback.</param>
    /// <param name="dueTime">When it is due first.</param>
    /// <param name="period">How often it is due from then on.</param>
    public static ITimer CreateTimer(TimeProvider time, TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(time);
        if (ExecutionContext.IsFlowSuppressed())
            return time.CreateTimer(callback, state, dueTime, period);
        using (ExecutionContext.SuppressFlow())
            return time.CreateTimer(callback, state, dueTime, period);
    }
}
