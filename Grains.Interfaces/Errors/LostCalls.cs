namespace OrleansStream.Errors;

/// <summary>Tells which failed calls of grains were lost: they had no answer, so they may have taken effect or not.</summary>
public static class LostCalls
{
    /// <summary>Whether a call was lost. Its server may have died, and another one takes over.</summary>
    /// <remarks>
    /// Orleans cancels the calls that wait for an activation which does not begin in time. So a cancellation that the caller did not ask for is a
    /// lost call, too.
    /// </remarks>
    /// <param name="exception">What the call threw.</param>
    /// <param name="cancellationToken">The token by which the caller may have cancelled the call; none if it cannot.</param>
    public static bool IsLost(Exception exception, CancellationToken cancellationToken = default) =>
        exception is OrleansException or TimeoutException
        || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested);
}
