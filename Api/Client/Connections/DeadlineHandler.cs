namespace OrleansStream.Client.Connections;

/// <summary>
/// Ends a request with all its tries when its time is over. The time counts from when the request was made, or ends when its
/// <see cref="Deadline"/> says, which whoever waited before that sets.
/// </summary>
/// <param name="inner">Makes the tries.</param>
/// <param name="timeout">How long a request without a deadline of its own may take.</param>
/// <param name="time">The clock.</param>
internal sealed class DeadlineHandler(HttpMessageHandler inner, TimeSpan timeout, TimeProvider time) : DelegatingHandler(inner)
{
    /// <summary>When a request's time is over, as a timestamp of the connection's clock.</summary>
    public static readonly HttpRequestOptionsKey<long> Deadline = new("OrleansStream.Deadline");

    /// <summary>The timestamp that is some time behind another one.</summary>
    /// <param name="timestamp">The other one.</param>
    /// <param name="later">How much later.</param>
    /// <param name="time">The clock.</param>
    public static long After(long timestamp, TimeSpan later, TimeProvider time) =>
        timestamp + (long)(later.TotalSeconds * time.TimestampFrequency);

    /// <summary>How much of a request's time is left, and less than nothing when it is over; null when it has no deadline.</summary>
    /// <param name="request">The request.</param>
    /// <param name="time">The clock.</param>
    public static TimeSpan? LeftOf(HttpRequestMessage? request, TimeProvider time) =>
        request is not null && request.Options.TryGetValue(Deadline, out var deadline) ? time.GetElapsedTime(time.GetTimestamp(), deadline) : null;

    /// <inheritdoc/>
    /// <exception cref="HttpRequestException">The time is over.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (LeftOf(request, time) is not { } left)
            request.Options.Set(Deadline, After(time.GetTimestamp(), left = timeout, time));
        if (left <= TimeSpan.Zero)
            throw new HttpRequestException("its time was over before it could be sent.");
        using var over = new CancellationTokenSource(left, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, over.Token);
        try
        {
            return await base.SendAsync(request, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException("its time was over before an answer came.");
        }
    }
}
