namespace OrleansStream.Rest.Http;

/// <summary>
/// Once the service stops, makes every answer end its connection (<c>Connection: close</c>), so that callers give their connections up while the
/// service still listens.
/// </summary>
/// <remarks>
/// The server closes an idle connection of HTTP/1.1 without notice, and a request that is sent at that moment is lost without an answer: its caller
/// cannot tell whether it took effect. Later versions of HTTP tell which requests were accepted, and do not need this.
/// </remarks>
/// <param name="next">The rest of the pipeline.</param>
/// <param name="lifetime">Tells that the service stops.</param>
internal sealed class ConnectionReleaseMiddleware(RequestDelegate next, IHostApplicationLifetime lifetime)
{
    // One delegate serves all requests, so that nothing is allocated for each of them.
    private readonly Func<object, Task> _closeWhenStopping = response =>
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            ((HttpResponse)response).Headers.Connection = "close";
        return Task.CompletedTask;
    };

    public Task InvokeAsync(HttpContext context)
    {
        // Checked when the answer starts and not now, because the stop ends long polls that began before it.
        if (HttpProtocol.IsHttp11(context.Request.Protocol))
            context.Response.OnStarting(_closeWhenStopping, context.Response);
        return next(context);
    }
}
