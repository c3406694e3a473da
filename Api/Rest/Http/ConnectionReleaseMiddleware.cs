namespace OrleansStream.Rest.Http;

/// <summary>
/// From the moment that the service stops, has every answer end its connection (<c>Connection: close</c>), so that callers let go of theirs
/// while the service still listens.
/// </summary>
/// <remarks>
/// An idle connection of HTTP/1.1 is closed by the server without a word, and a request that is sent just then is lost without an answer: its
/// caller cannot tell whether it took effect. Later versions of HTTP tell which requests were taken, and need none of this.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="lifetime">Tells that the service stops.</param>
internal sealed class ConnectionReleaseMiddleware(RequestDelegate next, IHostApplicationLifetime lifetime)
{
    // One for all requests: nothing is allocated for each of them.
    private readonly Func<object, Task> _closeWhenStopping = response =>
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            ((HttpResponse)response).Headers.Connection = "close";
        return Task.CompletedTask;
    };

    /// <summary>Runs one request.</summary>
    /// <param name="context">The request.</param>
    public Task InvokeAsync(HttpContext context)
    {
        // When the answer starts and not now: a long poll that was parked before the stop ends because of it.
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
            context.Response.OnStarting(_closeWhenStopping, context.Response);
        return next(context);
    }
}
